package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

var errNotInstalled = errors.New("PostgreSQL is not installed here")

// startTimeout bounds how long a new cluster may take until it answers.
const startTimeout = time.Minute

// settings of the throw-away cluster: no TCP port, and nothing synced to disk, because tests prove Orderly's
// durability and not PostgreSQL's.
var settings = map[string]string{
	"listen_addresses":   "",
	"fsync":              "off",
	"full_page_writes":   "off",
	"synchronous_commit": "off",
	"max_connections":    "300",
	"shared_buffers":     "128MB",
	"jit":                "off",
	"timezone":           "UTC",
}

// startCluster makes a cluster in a temporary folder and starts it. It returns the address of its first database and
// a function that stops and removes it.
func startCluster() (address string, stop func(), err error) {
	bin, err := binaries()
	if err != nil {
		return "", nil, err
	}
	dir, err := os.MkdirTemp("", "orderly-pg-")
	if err != nil {
		return "", nil, fmt.Errorf("making a folder for the PostgreSQL of the tests: %w", err)
	}
	remove := func() { _ = os.RemoveAll(dir) } // a folder left in the temporary folder harms nobody
	process, err := serverProcess(dir)
	if err != nil {
		remove()
		return "", nil, err
	}

	data := filepath.Join(dir, "data")
	initdb := exec.Command(filepath.Join(bin, "initdb"), append(locale(bin), "-D", data, "-U", "orderly", "--auth=trust", "--no-sync")...)
	initdb.Dir, initdb.SysProcAttr = dir, process
	if out, err := initdb.CombinedOutput(); err != nil {
		remove()
		return "", nil, fmt.Errorf("making a PostgreSQL cluster: %w\n%s", err, out)
	}

	args := []string{"-D", data, "-c", "unix_socket_directories=" + dir}
	for name, value := range settings {
		args = append(args, "-c", name+"="+value)
	}
	var log bytes.Buffer
	postgres := exec.Command(filepath.Join(bin, "postgres"), args...)
	postgres.Dir, postgres.SysProcAttr = dir, process
	postgres.Stdout, postgres.Stderr = &log, &log

	// The server is bound to the thread that starts it (see serverProcess), so that thread is kept until the end.
	started, ended := make(chan error, 1), make(chan struct{})
	quit := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(ended)
		err := postgres.Start()
		started <- err
		if err != nil {
			return
		}
		exited := make(chan struct{})
		go func() {
			defer close(exited)
			_ = postgres.Wait() // it is killed, so it always ends with an error
		}()
		select {
		case <-exited:
		case <-quit:
			_ = postgres.Process.Signal(immediateShutdown)
			<-exited
		}
	}()
	stop = func() {
		close(quit)
		<-ended
		remove()
	}
	if err := <-started; err != nil {
		stop()
		return "", nil, fmt.Errorf("starting PostgreSQL: %w", err)
	}
	address = (&url.URL{Scheme: "postgres", User: url.User("orderly"), Path: "/postgres",
		RawQuery: url.Values{"host": {dir}}.Encode()}).String()
	if err := waitReady(address, ended); err != nil {
		stop()
		return "", nil, fmt.Errorf("starting PostgreSQL: %w\n%s", err, log.String())
	}
	return address, stop, nil
}

// locale makes text sort by the rules of a language, as on most servers in the field: a query that needs the order of
// bytes says so. ICU came with PostgreSQL 15.
func locale(bin string) []string {
	args := []string{"--encoding=UTF8", "--locale=C.UTF-8"}
	help, err := exec.Command(filepath.Join(bin, "initdb"), "--help").Output()
	if err == nil && bytes.Contains(help, []byte("--icu-locale")) {
		args = append(args, "--locale-provider=icu", "--icu-locale=en-US")
	}
	return args
}

// waitReady waits until the server answers, or until it has ended.
func waitReady(address string, ended <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, address)
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-ended:
			return errors.New("the server ended")
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}

// binaries is the folder with initdb and postgres. Debian keeps them out of PATH, in a folder for each version.
func binaries() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			return filepath.Dir(path), nil
		}
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errNotInstalled
	}
	slices.SortFunc(found, func(a, b string) int { return compareVersions(a, b) })
	return filepath.Dir(found[len(found)-1]), nil
}

// compareVersions orders the paths of Debian's folders by the version in them: 9.6 before 15.
func compareVersions(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return bytes.Compare([]byte(a), []byte(b))
}
