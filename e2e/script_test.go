package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs the verbs as people type them: one script for each under testdata/script. Beside what
// testscript has, scripts know
//
//	world FROM:TO...       a sandbox, orderly.yaml for flows between its systems, secrets in the environment
//	make SYSTEM N [QUERY]  orders made in a shop
//	serve [ARG...]         a server on data/, until stop or the end of the script
//	stop                   the server ends in order
//	settled FLOW N         waits until N records of the flow wait for nothing
//	faults SYSTEM JSON     faults switched on
func TestScripts(t *testing.T) {
	bin := filepath.Dir(program(t))
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", bin+string(os.PathListSeparator)+env.Getenv("PATH"))
			env.Setenv("ORDERLY_DATA", filepath.Join(env.WorkDir, "data"))
			env.Values[worldKey{}] = &scriptWorld{}
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"world": scriptCommand((*scriptWorld).begin), "make": scriptCommand((*scriptWorld).makeOrders), "serve": scriptCommand((*scriptWorld).serve),
			"stop": scriptCommand((*scriptWorld).stop), "settled": scriptCommand((*scriptWorld).settled), "faults": scriptCommand((*scriptWorld).faults),
		},
		UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "",
	})
}

type worldKey struct{}

// scriptWorld is what a script has started.
type scriptWorld struct {
	world  *world
	server *process
}

func scriptCommand(do func(s *scriptWorld, ts *testscript.TestScript, args []string)) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg {
			ts.Fatalf("this command cannot be negated")
		}
		do(ts.Value(worldKey{}).(*scriptWorld), ts, args)
	}
}

func (s *scriptWorld) begin(ts *testscript.TestScript, args []string) {
	t := scriptTB{ts: ts, dir: ts.MkAbs(".")}
	var flows []flowSpec
	for _, arg := range args {
		from, to, ok := strings.Cut(arg, ":")
		if !ok {
			ts.Fatalf("usage: world FROM:TO...")
		}
		flows = append(flows, flowSpec{from: from, to: to, more: "    triggers: {webhook: true, schedule: 1s}\n"})
	}
	s.world = newWorld(t, "", flows...)
	s.world.data = []string{"--data", ts.MkAbs("data")}
	for _, variable := range s.world.env {
		name, value, _ := strings.Cut(variable, "=")
		ts.Setenv(name, value)
	}
	text, err := os.ReadFile(s.world.config)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("orderly.yaml"), text, 0o600))
	s.world.config = ts.MkAbs("orderly.yaml")
	ts.Setenv("SANDBOX", s.world.sandbox)
}

func (s *scriptWorld) makeOrders(ts *testscript.TestScript, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	query := ""
	if len(args) > 2 {
		query = args[2]
	}
	s.world.make(args[0], n, query)
}

func (s *scriptWorld) faults(_ *testscript.TestScript, args []string) {
	s.world.faults(args[0], args[1])
}

func (s *scriptWorld) serve(ts *testscript.TestScript, args []string) {
	s.server = s.world.serve(args...)
	ts.Setenv("ORDERLY", "http://"+s.world.listen)
}

func (s *scriptWorld) stop(ts *testscript.TestScript, _ []string) {
	if code := s.server.stop(s.world); code != 0 {
		ts.Fatalf("the server ends with %d:\n%s", code, s.server.output.String())
	}
}

func (s *scriptWorld) settled(ts *testscript.TestScript, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	eventually(s.world, 30*time.Second, fmt.Sprintf("%d records of %s are settled", n, args[0]), func() bool {
		settled := 0
		for _, t := range s.world.tasks(args[0]) {
			if t.State != "waiting" && t.State != "working" {
				settled++
			}
		}
		return settled >= n
	})
}

// scriptTB lets the helpers of this package fail a script. What they start ends with the script.
type scriptTB struct {
	testing.TB
	ts  *testscript.TestScript
	dir string
}

func (t scriptTB) Helper()                           {}
func (t scriptTB) Cleanup(f func())                  { t.ts.Defer(f) }
func (t scriptTB) TempDir() string                   { return t.dir }
func (t scriptTB) Failed() bool                      { return false }
func (t scriptTB) Context() context.Context          { return context.Background() }
func (t scriptTB) Logf(format string, args ...any)   { t.ts.Logf(format, args...) }
func (t scriptTB) Fatal(args ...any)                 { t.ts.Fatalf("%s", fmt.Sprint(args...)) }
func (t scriptTB) Fatalf(format string, args ...any) { t.ts.Fatalf(format, args...) }
