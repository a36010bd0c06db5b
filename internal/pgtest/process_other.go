//go:build !linux

package pgtest

import (
	"os"
	"syscall"
)

// immediateShutdown ends PostgreSQL; a throw-away cluster needs no tidying up.
var immediateShutdown = os.Kill

func serverProcess(string) (*syscall.SysProcAttr, error) { return nil, nil }
