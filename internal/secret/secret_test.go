package secret

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

func noEnv(string) string { return "" }

func TestKeyIsMadeOnFirstStartAndReadOnTheSecond(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := OpenBox(dir, noEnv)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, KeyFile))
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode != 0o600 {
		t.Errorf("key file has mode %o, want 600", mode)
	}
	sealed, err := first.Seal([]byte("hunter2"), "a")
	if err != nil {
		t.Fatal(err)
	}
	second, err := OpenBox(dir, noEnv)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := second.Open(sealed, "a"); err != nil || string(got) != "hunter2" {
		t.Errorf("Open = %q, %v", got, err)
	}
	if first.ID() != second.ID() {
		t.Errorf("ids differ: %s and %s", first.ID(), second.ID())
	}
	entries, _ := os.ReadDir(dir)
	if len(entries) != 1 {
		t.Errorf("%d files left in the data folder, want the key alone", len(entries))
	}
}

func TestProcessesThatStartTogetherShareOneKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ids := make([]string, 16)
	var group sync.WaitGroup
	for i := range ids {
		group.Go(func() {
			box, err := OpenBox(dir, noEnv)
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = box.ID()
		})
	}
	group.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("two keys in use: %v", ids)
		}
	}
}

func TestKeyFromEnvironmentAndFile(t *testing.T) {
	t.Parallel()
	key, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "k")
	if err := os.WriteFile(path, []byte(key+"\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	byValue, err := OpenBox("/nonexistent", func(name string) string { return map[string]string{EnvKey: key}[name] })
	if err != nil {
		t.Fatal(err)
	}
	byFile, err := OpenBox("/nonexistent", func(name string) string { return map[string]string{EnvKeyFile: path}[name] })
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := byValue.Seal([]byte("x"), "c")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := byFile.Open(sealed, "c"); err != nil {
		t.Error(err)
	}
}

func TestKeysThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	key, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ key, want string }{
		"something else": {"hunter2hunter2", "it begins differently"},
		"cut":            {key[:len(key)-9], "it was cut or altered"},
		"no base64":      {keyPrefix + "!!!", "it was cut or altered"},
		"empty":          {keyPrefix, "it was cut or altered"},
	} {
		_, err := NewBox(c.key, "the test")
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "the test") {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), c.key[max(0, len(c.key)-8):]) && len(c.key) > 20 {
			t.Errorf("%s: the error shows the key", name)
		}
	}
}

func TestKeyFileThatEverybodyCanRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := OpenBox(dir, noEnv); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, KeyFile), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenBox(dir, noEnv); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("error %v, want advice to chmod", err)
	}
}

func newBox(t testing.TB) *Box {
	t.Helper()
	key, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	box, err := NewBox(key, "the test")
	if err != nil {
		t.Fatal(err)
	}
	return box
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	box, other := newBox(t), newBox(t)
	sealed, err := box.Seal([]byte("hunter2"), "connection/shop")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := box.Open(sealed, "connection/erp"); !errors.Is(err, ErrAltered) {
		t.Errorf("another place: %v", err)
	}
	altered := append([]byte(nil), sealed...)
	altered[len(altered)-1] ^= 1
	if _, err := box.Open(altered, "connection/shop"); !errors.Is(err, ErrAltered) {
		t.Errorf("altered: %v", err)
	}
	if _, err := box.Open(nil, "connection/shop"); !errors.Is(err, ErrAltered) {
		t.Errorf("empty: %v", err)
	}
	_, err = other.Open(sealed, "connection/shop")
	wrong, ok := errors.AsType[*WrongKeyError](err)
	if !ok || wrong.Wanted != box.ID() || wrong.Have != other.ID() {
		t.Errorf("another key: %v", err)
	}
	if err := box.Verify(box.ID()); err != nil {
		t.Error(err)
	}
	if err := box.Verify(""); err != nil {
		t.Error(err)
	}
	if _, ok := errors.AsType[*WrongKeyError](other.Verify(box.ID())); !ok {
		t.Error("Verify accepts a store of another key")
	}
}

func TestSealHidesAndOpenGivesBack(t *testing.T) {
	t.Parallel()
	box := newBox(t)
	rapid.Check(t, func(t *rapid.T) {
		plain := rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
		place := rapid.String().Draw(t, "place")
		sealed, err := box.Seal(plain, place)
		if err != nil {
			t.Fatal(err)
		}
		if len(plain) >= 8 && strings.Contains(string(sealed), string(plain)) {
			t.Fatal("the plain text is in the sealed one")
		}
		got, err := box.Open(sealed, place)
		if err != nil || string(got) != string(plain) {
			t.Fatalf("Open = %q, %v", got, err)
		}
	})
}

func FuzzOpen(f *testing.F) {
	box := newBox(f)
	sealed, _ := box.Seal([]byte("x"), "c")
	f.Add(sealed)
	f.Add([]byte{1, 2, 3, 4, 5, 6})
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := box.Open(data, "other"); err == nil {
			t.Error("opened what was never sealed for this place")
		}
	})
}
