package people

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// Hashing are the parameters of argon2id. Hashes say theirs, so they can be raised at any time: a password is hashed
// anew when its user signs in.
type Hashing struct {
	Memory  uint32 // KiB
	Passes  uint32
	Threads uint8
}

// defaultHashing is the first choice of OWASP's Password Storage Cheat Sheet.
var defaultHashing = Hashing{Memory: 19 * 1024, Passes: 2, Threads: 1}

const (
	saltSize = 16
	hashSize = 32
	// hashings is how many run at once: each holds 19 MiB, and nobody who is not signed in may fill the memory.
	hashings = 4
)

// hasher hashes passwords, a few at a time.
type hasher struct {
	Hashing
	turns chan struct{}
	// decoy is compared where there is no password, so that unknown users take as long as known ones.
	decoy string
}

func newHasher(h Hashing) hasher {
	if h == (Hashing{}) {
		h = defaultHashing
	}
	decoy := phc{Hashing: h, salt: make([]byte, saltSize), key: make([]byte, hashSize)}
	return hasher{Hashing: h, turns: make(chan struct{}, hashings), decoy: decoy.String()}
}

// hash gives a new hash of a password, in the PHC string format.
func (h hasher) hash(ctx context.Context, password string) (string, error) {
	p := phc{Hashing: h.Hashing, salt: make([]byte, saltSize)}
	_, _ = rand.Read(p.salt) // it never fails: crypto/rand ends the program instead
	key, err := h.key(ctx, password, p, hashSize)
	p.key = key
	return p.String(), err
}

// check tells whether a password is the one of a hash, and whether its hash should be renewed. An empty hash takes as
// long as any and fits no password.
func (h hasher) check(ctx context.Context, password, hash string) (ok, stale bool, err error) {
	exists := hash != ""
	if !exists {
		hash = h.decoy
	}
	p, err := parsePHC(hash)
	if err != nil {
		return false, false, fmt.Errorf("a stored password hash: %w", err)
	}
	key, err := h.key(ctx, password, p, uint32(len(p.key)))
	if err != nil {
		return false, false, err
	}
	ok = subtle.ConstantTimeCompare(key, p.key) == 1 && exists
	return ok, ok && p.weaker(h.Hashing), nil
}

func (h hasher) key(ctx context.Context, password string, p phc, size uint32) ([]byte, error) {
	select {
	case h.turns <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-h.turns }()
	return argon2.IDKey([]byte(normal(password)), p.salt, p.Passes, p.Memory, p.Threads, size), nil
}

// normal is a password in the one form that all keyboards give (NIST SP 800-63B-4, 3.1.1.2: NFC).
func normal(password string) string { return norm.NFC.String(password) }

// phc is a hash with its parameters.
type phc struct {
	Hashing
	salt, key []byte
}

// weaker tells whether a hash was made with less work than the parameters ask for.
func (p phc) weaker(than Hashing) bool {
	return p.Memory < than.Memory || p.Passes < than.Passes || len(p.key) < hashSize
}

// String writes the PHC string format (github.com/P-H-C/phc-string-format).
func (p phc) String() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.Memory, p.Passes, p.Threads, b64.EncodeToString(p.salt), b64.EncodeToString(p.key))
}

var errPHC = errors.New("it is no argon2id hash in the PHC string format, or one with senseless parameters")

// parsePHC reads what String writes. Its bounds keep a hash that somebody put into the database from stopping the
// program.
func parsePHC(text string) (phc, error) {
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return phc{}, errPHC
	}
	var p phc
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.Memory, &p.Passes, &p.Threads); err != nil {
		return phc{}, errPHC
	}
	var err error
	if p.salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err != nil {
		return phc{}, errPHC
	}
	if p.key, err = base64.RawStdEncoding.DecodeString(parts[5]); err != nil {
		return phc{}, errPHC
	}
	switch {
	case p.Memory < 8 || p.Memory > 1<<20, p.Passes < 1 || p.Passes > 64, p.Threads < 1 || p.Threads > 16:
		return phc{}, errPHC
	case len(p.salt) < 8 || len(p.salt) > 64, len(p.key) < 16 || len(p.key) > 64:
		return phc{}, errPHC
	case p.String() != text: // one text for one hash
		return phc{}, errPHC
	}
	return p, nil
}
