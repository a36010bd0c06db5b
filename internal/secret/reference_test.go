package secret

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func testResolver(t testing.TB) *Resolver {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("token", "from file\n")
	write("windows", "from file\r\n")
	write("two", "a\n\n")
	write("empty", "")
	write("binary", "\xff\xfe")
	write("huge", strings.Repeat("x", maxFile+1))
	return &Resolver{Dir: dir, LookupEnv: func(name string) (string, bool) {
		value, ok := map[string]string{"TOKEN": "from env", "NOTHING": "", "TRICKY": "${env:TOKEN}"}[name]
		return value, ok
	}}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	r := testResolver(t)
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{"plain $ text {}", "plain $ text {}"},
		{"${env:TOKEN}", "from env"},
		{"${file:token}", "from file"},
		{"${file:windows}", "from file"},
		{"${file:two}", "a\n"},
		{"https://${env:TOKEN}/x/${file:token}", "https://from env/x/from file"},
		{"$${env:TOKEN}", "${env:TOKEN}"},
		{"a$${b}${env:TOKEN}", "a${b}from env"},
		{"${env:TRICKY}", "${env:TOKEN}"},
		{"${file:" + filepath.Join(r.Dir, "token") + "}", "from file"},
	} {
		if got, err := r.Resolve(c.text); err != nil || got != c.want {
			t.Errorf("Resolve(%q) = %q, %v; want %q", c.text, got, err, c.want)
		}
	}
}

func TestResolveNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	r := testResolver(t)
	for _, c := range []struct{ text, want string }{
		{"${env:ABSENT}", "${env:ABSENT}: the environment variable ABSENT is not set"},
		{"${env:TOKEN}${env:NOTHING}", "${env:NOTHING}: the environment variable NOTHING is empty"},
		{"${file:absent}", "no such file"},
		{"${file:empty}", "${file:empty}: the file is empty"},
		{"${file:binary}", "is no text in UTF-8"},
		{"${file:huge}", "is longer than 65536 bytes"},
		{"${TOKEN}", "${TOKEN} is no reference; write ${env:NAME} or ${file:PATH}"},
		{"${vault:x}", "${vault:x} is no reference"},
		{"${env:}", "is no reference"},
		{"x ${env:TOKEN", `has no "}"`},
	} {
		_, err := r.Resolve(c.text)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Resolve(%q) fails with %v, want %q", c.text, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "from env") {
			t.Errorf("the error shows a secret: %v", err)
		}
	}
}

func TestReferencesInText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text      string
		has, only bool
	}{
		{"", false, false},
		{"hunter2", false, false},
		{"${env:A}", true, true},
		{"${env:A}${file:b}", true, true},
		{"Bearer ${env:A}", true, false},
		{"$${env:A}", false, false},
		{"${A}", false, false},
	} {
		if HasReference(c.text) != c.has || OnlyReferences(c.text) != c.only {
			t.Errorf("%q: has %v, only %v", c.text, HasReference(c.text), OnlyReferences(c.text))
		}
	}
}

func FuzzResolve(f *testing.F) {
	for _, seed := range []string{"${env:TOKEN}", "$${", "${", "$$${env:TOKEN}}", "${file:../x}"} {
		f.Add(seed)
	}
	r := &Resolver{Dir: "/nonexistent", LookupEnv: func(string) (string, bool) { return "value", true }}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := r.Resolve(text)
		if err == nil && !strings.Contains(text, "${") && got != text {
			t.Errorf("Resolve(%q) = %q", text, got)
		}
		if OnlyReferences(text) && !HasReference(text) {
			t.Errorf("%q is only references and has none", text)
		}
	})
}
