// Command orderly carries orders and customers from web shops and CRMs into the ERP.
//
// This package only wires: each verb has a file of its own that reads flags, calls the packages that
// do the work, and prints.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set when a release is built.
var version = "dev"

// Exit codes, for scripts.
const (
	exitOK      = 0
	exitFailed  = 1 // it could not be done
	exitUsage   = 2 // the command line, a file or a record that was given is wrong
	exitFinding = 3 // it was done, and found something that a person must look at
)

// exitError is an error with an exit code of its own.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// usageError is a mistake in what was given.
func usageError(format string, args ...any) error {
	return &exitError{code: exitUsage, err: fmt.Errorf(format, args...)}
}

// errFinding ends a verb that has printed what it found.
var errFinding = &exitError{code: exitFinding, err: errors.New("")}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The first signal asks for an orderly end; the second ends at once.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run executes a command line and gives the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	out := &output{w: stdout}
	root := rootCommand()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(out)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if lost := out.failed(); lost != nil && (err == nil || errors.Is(err, errFinding)) {
		err = fmt.Errorf("the output is not complete: %w", lost)
	}
	if err == nil {
		return exitOK
	}
	code := exitFailed
	if e, ok := errors.AsType[*exitError](err); ok {
		code = e.code
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = errors.New("interrupted")
	}
	if text := err.Error(); text != "" {
		_, _ = fmt.Fprintln(stderr, "orderly: "+text)
	}
	return code
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "orderly",
		Short: "Carry orders and customers from shops and CRMs into the ERP, exactly once",
		Long: `Orderly carries every new and changed order, customer and address from web shops and CRMs into the
ERP: by itself, exactly once, complete, and provably.

Try it with no account anywhere:   orderly demo

Exit codes: 0 done; 1 it could not be done; 2 the command line, a file or a record that was given is
wrong; 3 it was done and found something that a person must look at.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       version,
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError("%w\nsee: %s --help", err, cmd.CommandPath())
	})
	root.AddCommand(
		serveCommand(), demoCommand(), sandboxCommand(),
		applyCommand(), exportCommand(), checkCommand(), doctorCommand(),
		syncCommand(), ordersCommand(), previewCommand(), decodeCommand(),
		usersCommand(), benchCommand(), versionCommand(), referenceCommand(),
	)
	wrapArgs(root)
	return root
}

// wrapArgs makes wrong arguments a usage error, for a command and those below it.
func wrapArgs(c *cobra.Command) {
	if !c.Runnable() && c.HasSubCommands() {
		c.Args = knownVerb
		c.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		c.DisableFlagsInUseLine = true
	}
	if check := c.Args; check != nil {
		c.Args = func(cmd *cobra.Command, args []string) error {
			err := check(cmd, args)
			if err == nil {
				err = cmd.ValidateRequiredFlags()
			}
			if err != nil {
				return usageError("%w\nusage: %s", err, cmd.UseLine())
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		wrapArgs(sub)
	}
}

// knownVerb refuses a word where only a verb can stand, and says which verb may be meant.
func knownVerb(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		return fmt.Errorf("there is no verb %q; did you mean %s?", args[0], strings.Join(near, " or "))
	}
	return fmt.Errorf("there is no verb %q; see: %s --help", args[0], cmd.CommandPath())
}
