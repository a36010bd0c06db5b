package pgtest

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// immediateShutdown makes PostgreSQL end at once, without the tidying up that a throw-away cluster does not need.
const immediateShutdown = syscall.SIGQUIT

// serverProcess says how to run the server: it ends with this process however that ends (a test that panics or is
// killed runs no cleanup), and it runs as the user postgres where we are root, because PostgreSQL refuses to be root.
func serverProcess(dir string) (*syscall.SysProcAttr, error) {
	attr := &syscall.SysProcAttr{Pdeathsig: immediateShutdown}
	if os.Geteuid() != 0 {
		return attr, nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL does not run as root, and there is no user postgres: %w", err)
	}
	uid, err := strconv.ParseUint(account.Uid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("the user postgres has the odd id %q: %w", account.Uid, err)
	}
	gid, err := strconv.ParseUint(account.Gid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("the user postgres has the odd group %q: %w", account.Gid, err)
	}
	attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	if err := os.Chown(dir, int(uid), int(gid)); err != nil {
		return nil, fmt.Errorf("giving the folder of the PostgreSQL of the tests to the user postgres: %w", err)
	}
	return attr, nil
}
