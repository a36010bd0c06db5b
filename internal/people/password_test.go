package people

import (
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

var cheap = Hashing{Memory: 16, Passes: 1, Threads: 1}

func TestPasswordFitsItsOwnHashOnly(t *testing.T) {
	h := newHasher(cheap)
	hash, err := h.hash(t.Context(), "seven blue kettles")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=16,t=1,p=1$") {
		t.Errorf("the hash is %s", hash)
	}
	if again, _ := h.hash(t.Context(), "seven blue kettles"); again == hash {
		t.Error("two hashes with the same salt")
	}
	for password, want := range map[string]bool{"seven blue kettles": true, "seven blue kettle": false, "": false, "Seven blue kettles": false, "seven blue kettles ": false} {
		ok, stale, err := h.check(t.Context(), password, hash)
		if ok != want || stale || err != nil {
			t.Errorf("%q: %v, stale %v, error %v", password, ok, stale, err)
		}
	}
}

func TestHashOfOthersIsRead(t *testing.T) {
	// The test vector of the reference implementation (phc-winner-argon2, test.c): argon2id, t=2, m=256, p=1.
	const hash = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	if ok, _, err := newHasher(cheap).check(t.Context(), "password", hash); !ok || err != nil {
		t.Errorf("%v, error %v", ok, err)
	}
}

func TestPasswordIsTheSameOnAllKeyboards(t *testing.T) {
	h := newHasher(cheap)
	hash, err := h.hash(t.Context(), "sieben blaue T\u00f6pfe")
	if err != nil {
		t.Fatal(err)
	}
	if ok, _, err := h.check(t.Context(), "sieben blaue To\u0308pfe", hash); !ok || err != nil {
		t.Errorf("composed otherwise: %v, error %v", ok, err)
	}
}

func TestNoPasswordFitsNoHash(t *testing.T) {
	h := newHasher(cheap)
	for _, password := range []string{"", "seven blue kettles", h.decoy} {
		if ok, stale, err := h.check(t.Context(), password, ""); ok || stale || err != nil {
			t.Errorf("%q: %v, stale %v, error %v", password, ok, stale, err)
		}
	}
}

func TestHashMadeWithLessWorkIsStale(t *testing.T) {
	old, err := newHasher(cheap).hash(t.Context(), "seven blue kettles")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		now   Hashing
		stale bool
	}{
		"the same":    {cheap, false},
		"more memory": {Hashing{Memory: 32, Passes: 1, Threads: 1}, true},
		"more passes": {Hashing{Memory: 16, Passes: 2, Threads: 1}, true},
		"less memory": {Hashing{Memory: 8, Passes: 1, Threads: 1}, false},
	} {
		if ok, stale, err := newHasher(c.now).check(t.Context(), "seven blue kettles", old); !ok || stale != c.stale || err != nil {
			t.Errorf("%s: %v, stale %v, error %v", name, ok, stale, err)
		}
	}
}

func TestNewHashesAreAsStrongAsRecommended(t *testing.T) {
	if h := newHasher(Hashing{}); h.Memory < 19*1024 || h.Passes < 2 || h.Threads < 1 {
		t.Errorf("the parameters are %+v", h.Hashing)
	}
	// What is compared for unknown users must cost the same as a hash of today.
	h := newHasher(Hashing{})
	p, err := parsePHC(h.decoy)
	if err != nil || p.weaker(h.Hashing) || p.Hashing != h.Hashing {
		t.Errorf("the decoy is %s, error %v", h.decoy, err)
	}
}

func TestFewPasswordsAreHashedAtOnce(t *testing.T) {
	h := newHasher(cheap)
	for range hashings {
		h.turns <- struct{}{}
	}
	done := make(chan error, 1)
	var group sync.WaitGroup
	group.Go(func() {
		_, err := h.hash(t.Context(), "seven blue kettles")
		done <- err
	})
	select {
	case err := <-done:
		t.Fatalf("it was hashed although all turns are taken, error %v", err)
	default:
	}
	<-h.turns
	if err := <-done; err != nil {
		t.Error(err)
	}
	group.Wait()
	if len(h.turns) != hashings-1 {
		t.Errorf("%d turns are taken", len(h.turns))
	}
}

func TestBrokenHashesAreRefused(t *testing.T) {
	const salt, key = "c29tZXNhbHQ", "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	for name, text := range map[string]string{
		"nothing":            "",
		"another algorithm":  "$argon2i$v=19$m=256,t=2,p=1$" + salt + "$" + key,
		"another version":    "$argon2id$v=16$m=256,t=2,p=1$" + salt + "$" + key,
		"all the memory":     "$argon2id$v=19$m=4294967295,t=2,p=1$" + salt + "$" + key,
		"for ever":           "$argon2id$v=19$m=256,t=4294967295,p=1$" + salt + "$" + key,
		"no pass":            "$argon2id$v=19$m=256,t=0,p=1$" + salt + "$" + key,
		"no thread":          "$argon2id$v=19$m=256,t=2,p=0$" + salt + "$" + key,
		"no memory":          "$argon2id$v=19$m=0,t=2,p=1$" + salt + "$" + key,
		"negative":           "$argon2id$v=19$m=-1,t=2,p=1$" + salt + "$" + key,
		"no salt":            "$argon2id$v=19$m=256,t=2,p=1$$" + key,
		"no key":             "$argon2id$v=19$m=256,t=2,p=1$" + salt + "$",
		"padded":             "$argon2id$v=19$m=256,t=2,p=1$" + salt + "=$" + key,
		"something after it": "$argon2id$v=19$m=256,t=2,p=1$" + salt + "$" + key + "$",
		"spaces":             "$argon2id$v=19$m= 256,t=2,p=1$" + salt + "$" + key,
	} {
		if _, err := parsePHC(text); err == nil {
			t.Errorf("%s was read", name)
		}
	}
}

func FuzzHash(f *testing.F) {
	f.Add("$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4")
	f.Add("$argon2id$v=19$m=16,t=1,p=1$$")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parsePHC(text)
		if err == nil && p.String() != text {
			t.Errorf("%q was read as %q", text, p.String())
		}
		if err == nil && (p.Memory > 1<<20 || p.Passes > 64 || len(p.key) == 0) {
			t.Errorf("%q takes too much", text)
		}
	})
}

func TestObviousPasswordsAreRefused(t *testing.T) {
	for _, password := range []string{
		"kettle", "elevenchars", strings.Repeat("ä", 11), // too short, in characters
		strings.Repeat("kettle blue ", 30), // too long
		"aaaaaaaaaaaa", "abababababab", "abcabcabcabc", "1212121212121212",
		"123456789012", "0987654321098", "abcdefghijkl", "qwertyuiop123", "qwertyuiopas", "asdfghjklqwer", "1q2w3e4r5t6y", "1qaz2wsx3edc", "zxcvbnmasdfg",
		"password1234", "Password2026!", "P@ssw0rd1234", "passwordpassword", "MyPassword!!", "Passwort2026!", "administrator", "Administrator1", "orderlyorderly", "welcome123456", "changeme12345",
		"letmeinletmein", "iloveyou12345", "Summer2026!!!", "correct horse battery staple",
		"anna.mueller1", "AnnaMueller2026!", "mueller.anna.mueller.anna", "annamueller!!", "MuellerMueller",
		"\xff\xfe\xfd\xfc\xff\xfe\xfd\xfc\xff\xfe\xfd\xfc",
	} {
		err := checkPassword(password, "anna.mueller", "anna.mueller@example.com")
		if e, ok := err.(*InputError); !ok || e.Field != "password" { //nolint:errorlint // it is returned as it is
			t.Errorf("%q was taken: %v", password, err)
		} else if strings.Contains(e.Message, password) {
			t.Errorf("the error has the password: %v", err)
		}
	}
}

func TestPasswordsThatAreNotObviousAreTaken(t *testing.T) {
	for _, password := range []string{
		"seven blue kettles", "hN4!kd9_Qx2m", "kartoffelsalat mit senf", "seven password kettles", "анна любит чай с медом", "12 kettles and 90 ladders",
		"twelve chars", "日本語のパスワードは長い方", "tannenbaum im hof", "summer rain on tin roofs",
	} {
		if err := checkPassword(password, "anna", "anna@example.com"); err != nil {
			t.Errorf("%q: %v", password, err)
		}
	}
	// The mail address of somebody with a very short name says nothing.
	if err := checkPassword("seven blue kettles", "e", "s@example.com"); err != nil {
		t.Error(err)
	}
}

func TestNoRandomPasswordIsObvious(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		raw := rapid.SliceOfN(rapid.SampledFrom([]rune("bcdfhjkmnpqrtvwxzBDGHKLMNPRTVWXZ23568")), 20, 60).Draw(r, "password")
		if seen := map[rune]bool{}; len(raw) > 0 {
			for _, c := range raw {
				seen[c] = true
			}
			if len(seen) < 9 {
				return // it may be a pattern
			}
		}
		if err := checkPassword(string(raw), "anna", "anna@example.com"); err != nil {
			r.Errorf("%q: %v", string(raw), err)
		}
	})
}

func TestWaitingGrowsToAQuarterOfAnHour(t *testing.T) {
	wait := waitAfter(5)
	for failures, want := range map[int]string{0: "0s", 1: "0s", 4: "0s", 5: "15s", 6: "30s", 7: "1m0s", 8: "2m0s", 9: "4m0s", 10: "8m0s", 11: "15m0s", 12: "15m0s", 1000: "15m0s"} {
		if got := wait(failures).String(); got != want {
			t.Errorf("after %d failures: %s, want %s", failures, got, want)
		}
	}
}

func TestAddressesOfOnePersonCountTogether(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.7": "192.0.2.7", "::ffff:192.0.2.7": "192.0.2.7", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "2001:db8:1:2::9": "2001:db8:1:2::/64",
		"fe80::1%eth0": "fe80::/64", "": "", "a socket": "a socket",
	} {
		if got := network(address); got != want {
			t.Errorf("%q is of %q, want %q", address, got, want)
		}
	}
}

func TestTokenCanBeTold(t *testing.T) {
	seen := map[string]bool{}
	for range 200 {
		text := newTokenText()
		if seen[text] || !validTokenText(text) || len(text) != 57 || !strings.HasPrefix(text, "orderly_") {
			t.Fatalf("%s is no good token", text)
		}
		seen[text] = true
		for i := range text {
			broken := []byte(text)
			broken[i] = '0' + (broken[i]-'0'+1)%10
			if string(broken) != text && validTokenText(string(broken)) {
				t.Fatalf("%s was taken, with one character wrong", broken)
			}
		}
	}
	for _, text := range []string{"", "orderly_", "orderly_short", strings.Repeat("x", 57), newTokenText() + "0", newTokenText()[1:]} {
		if validTokenText(text) {
			t.Errorf("%q was taken", text)
		}
	}
}

func FuzzTokenText(f *testing.F) {
	f.Add(newTokenText())
	f.Add("orderly_ä")
	f.Fuzz(func(t *testing.T, text string) {
		if validTokenText(text) && len(text) != 57 {
			t.Errorf("%q was taken", text)
		}
	})
}

func TestNamesAreComparedAsPeopleReadThem(t *testing.T) {
	for _, same := range [][2]string{{"Anna", "anna"}, {"Müller", "MÜLLER"}, {"Mu\u0308ller", "müller"}, {"  anna   m ", "Anna M"}, {"Straße", "STRASSE"}, {"ａｎｎａ", "anna"}} {
		if nameKey(same[0]) != nameKey(same[1]) {
			t.Errorf("%q and %q differ", same[0], same[1])
		}
	}
	if nameKey("anna") == nameKey("hanna") {
		t.Error("anna is hanna")
	}
}

func TestNamesThatCouldDeceiveAreRefused(t *testing.T) {
	for _, name := range []string{"", "   ", "...", "anna (token ci)", "root (command line)", "anna\nroot", "a\u200bnna", "anna<script>", strings.Repeat("a", 65), "anna/admin", "\u202eanna", "\xff"} {
		if got, err := parseName(name); err == nil && got != strings.Join(strings.Fields(name), " ") {
			t.Errorf("%q was taken as %q", name, got)
		} else if err == nil && strings.ContainsAny(name, "()<>/\u200b\u202e") {
			t.Errorf("%q was taken", name)
		}
	}
	for name, want := range map[string]string{"anna": "anna", " Anna  Müller ": "Anna Müller", "o'neill": "o'neill", "anna@example.com": "anna@example.com", "ＡＮＮＡ": "ANNA", "李雷": "李雷"} {
		if got, err := parseName(name); got != want || err != nil {
			t.Errorf("%q is %q, error %v", name, got, err)
		}
	}
}

func TestAddressesAreReadStrictly(t *testing.T) {
	for text, want := range map[string]string{"": "", "  ": "", "Anna@Example.COM": "anna@example.com"} {
		if got, err := parseEmail(text); got != want || err != nil {
			t.Errorf("%q is %q, error %v", text, got, err)
		}
	}
	for _, text := range []string{"anna", "Anna <anna@example.com>", "anna@", "@example.com", "a@b, c@d", "anna@example.com\nx", strings.Repeat("a", 250) + "@b.de"} {
		if got, err := parseEmail(text); err == nil {
			t.Errorf("%q was taken as %q", text, got)
		}
	}
}
