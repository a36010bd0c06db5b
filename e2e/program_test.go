// Package e2e tests the whole program from outside, as its users run it: the real binary, real
// processes, real TCP, real databases. Everything stays on this machine.
package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/orderlyhq/orderly/internal/fake"
	"github.com/orderlyhq/orderly/internal/pgtest"
	"github.com/orderlyhq/orderly/internal/sandbox"
)

// binary is the program, built once for all tests of the package.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "orderly-e2e-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "orderly")
	build := exec.Command("go", "build", "-o", path, "../cmd/orderly")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := run(m)
	os.Exit(code) //nolint:forbidigo // a TestMain ends its program
}

func run(m *testing.M) int {
	defer func() {
		if path, err := binary(); err == nil {
			_ = os.RemoveAll(filepath.Dir(path))
		}
	}()
	return pgtest.Run(m)
}

// program gives the path of the binary.
func program(t testing.TB) string {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// process is a running program whose output is kept.
type process struct {
	cmd    *exec.Cmd
	output lockedBuffer
	ended  chan struct{}
	err    error
}

// start runs the program. The process is killed when the test ends.
func start(t testing.TB, env []string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(program(t), args...), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("output of %s:\n%s", args[0], tail(p.output.String(), 6000))
		}
	})
	return p
}

func tail(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return "…" + text[len(text)-limit:]
}

// kill ends the process as a power cut would.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// stop asks the process to end and gives its exit code.
func (p *process) stop(t testing.TB) int {
	t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(40 * time.Second):
		t.Fatal("the process does not stop")
	}
	if exit, ok := errors.AsType[*exec.ExitError](p.err); ok {
		return exit.ExitCode()
	}
	return 0
}

// say waits until the output has a line with text and gives what follows it.
func (p *process) say(t testing.TB, text string) string {
	t.Helper()
	var rest string
	eventually(t, 30*time.Second, "the process says "+text, func() bool {
		scanner := bufio.NewScanner(strings.NewReader(p.output.String()))
		for scanner.Scan() {
			if _, after, found := strings.Cut(scanner.Text(), text); found {
				rest = strings.TrimSpace(after)
				return true
			}
		}
		select {
		case <-p.ended:
			t.Fatalf("the process ended (%v):\n%s", p.err, p.output.String())
		default:
		}
		return false
	})
	return rest
}

// eventually waits for a condition.
func eventually(t testing.TB, patience time.Duration, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-ctx.Done():
			t.Fatalf("not within %s: %s", patience, what)
		case <-tick.C:
		}
	}
}

// lockedBuffer is written by a process and read by a test.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// world is a running sandbox with a data folder and a configuration for Orderly.
type world struct {
	testing.TB
	sandbox string // its address
	dir     string
	config  string
	listen  string
	env     []string // for Orderly
	data    []string // flags that say where the data is
}

// newWorld starts a sandbox and writes a configuration for the flows between its systems.
func newWorld(t testing.TB, database string, flows ...flowSpec) *world {
	t.Helper()
	w := &world{TB: t, dir: t.TempDir(), listen: freeAddress(t)}
	w.sandbox = start(t, nil, "sandbox", "--listen", "127.0.0.1:0", "--longest-wait", "300ms").say(t, "sandbox listens at ")
	w.data = []string{"--data", filepath.Join(w.dir, "data")}
	if database != "" {
		w.data = append(w.data, "--database", database)
	}
	w.config = filepath.Join(w.dir, "orderly.yaml")
	w.writeConfig(flows)
	return w
}

// flowSpec is a flow between two systems of the sandbox.
type flowSpec struct {
	from, to string
	more     string // further lines of YAML, indented by four
}

func (f flowSpec) name() string { return f.from + "-to-" + f.to }

func (w *world) writeConfig(flows []flowSpec) {
	w.Helper()
	var text strings.Builder
	fmt.Fprintf(&text, "public_url: http://%s\nconnections:\n", w.listen)
	seen := map[string]bool{}
	for _, f := range flows {
		for _, system := range []string{f.from, f.to} {
			if seen[system] {
				continue
			}
			seen[system] = true
			w.writeConnection(&text, system)
		}
	}
	text.WriteString("flows:\n")
	for _, f := range flows {
		fmt.Fprintf(&text, "  %s:\n    from: %s\n    to: %s\n", f.name(), f.from, f.to)
		fmt.Fprintf(&text, "    mapping: {shipping: {\"*\": SHIPPING}, charges: {\"*\": FEE}, discount_item: DISCOUNT, rounding_item: ROUNDING, gift_card_item: GIFTCARD}\n")
		text.WriteString(f.more)
	}
	if err := os.WriteFile(w.config, []byte(text.String()), 0o600); err != nil {
		w.Fatal(err)
	}
}

// writeConnection writes a connection with the sandbox's settings; every value that may be a secret
// comes from the environment.
func (w *world) writeConnection(text *strings.Builder, system string) {
	w.Helper()
	var settings map[string]string
	w.get("/_sandbox/"+system+"/settings", &settings)
	fmt.Fprintf(text, "  %s:\n    system: %s\n", system, system)
	for name, value := range settings {
		if name == "base_url" {
			fmt.Fprintf(text, "    base_url: %s\n", value)
			continue
		}
		variable := strings.ToUpper("E2E_" + system + "_" + name)
		w.env = append(w.env, variable+"="+value)
		fmt.Fprintf(text, "    %s: ${env:%s}\n", name, variable)
	}
}

// serve starts Orderly and waits until it takes webhooks.
func (w *world) serve(args ...string) *process {
	w.Helper()
	all := append([]string{"serve", "--config", w.config, "--listen", w.listen, "--log-level", "warn"}, w.data...)
	p := start(w, w.env, append(all, args...)...)
	p.say(w, "orderly listens at ")
	return p
}

// orderly runs a verb to its end and gives its output and exit code.
func (w *world) orderly(verb ...string) (stdout, stderr string, code int) {
	w.Helper()
	return runProgram(w, w.env, "", append(verb, w.data...)...)
}

func runProgram(t testing.TB, env []string, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program(t), args...)
	cmd.Env = append(os.Environ(), env...)
	var out, errOut bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errOut
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	return out.String(), errOut.String(), code
}

// freeAddress is a loopback address that nobody listens at.
func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (w *world) request(method, path string, body []byte) []byte {
	w.Helper()
	req, err := http.NewRequestWithContext(w.Context(), method, w.sandbox+path, bytes.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		w.Fatal(err)
	}
	if resp.StatusCode >= 300 {
		w.Fatalf("%s %s: %d %s", method, path, resp.StatusCode, answer)
	}
	return answer
}

func (w *world) get(path string, out any) {
	w.Helper()
	if err := json.Unmarshal(w.request(http.MethodGet, path, nil), out); err != nil {
		w.Fatalf("GET %s: %v", path, err)
	}
}

// make makes orders in a shop.
func (w *world) make(system string, n int, query string) {
	w.Helper()
	w.request(http.MethodPost, "/_sandbox/"+system+"/orders?n="+strconv.Itoa(n)+query, nil)
}

// faults switches faults on, in JSON.
func (w *world) faults(system, list string) {
	w.Helper()
	w.request(http.MethodPost, "/_sandbox/"+system+"/faults", []byte(list))
}

func (w *world) noFaults(system string) {
	w.Helper()
	w.request(http.MethodDelete, "/_sandbox/"+system+"/faults", nil)
}

// holdings are the orders and documents of a system: the ground truth.
func (w *world) holdings(system string) (h struct {
	Orders    []sandbox.Order `json:"orders"`
	Documents []fake.Document `json:"documents"`
},
) {
	w.Helper()
	w.get("/_sandbox/"+system+"/orders", &h)
	return h
}

// task is a line of orders list --json.
type task struct {
	ID        int64  `json:"id"`
	SourceID  string `json:"source_id"`
	Number    string `json:"number"`
	State     string `json:"state"`
	Reason    string `json:"reason"`
	Document  string `json:"document"`
	FirstVia  string `json:"first_via"`
	Delivered int64  `json:"revision_delivered"`
}

// tasks gives all tasks of a flow.
func (w *world) tasks(flow string) []task {
	w.Helper()
	out, errOut, code := w.orderly("orders", "list", "--json", "--limit", "10000", "--flow", flow)
	if code != 0 {
		w.Fatalf("orders list: exit %d\n%s", code, errOut)
	}
	var list []task
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		w.Fatalf("orders list: %v\n%s", err, out)
	}
	return list
}

// held gives what Orderly holds or has failed, by the order's id.
func held(tasks []task) map[string]string {
	out := map[string]string{}
	for _, t := range tasks {
		if t.State == "held" || t.State == "failed" {
			out[t.SourceID] = t.Reason
		}
	}
	return out
}
