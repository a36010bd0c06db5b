// Package secret keeps what must not be seen: it encrypts what is stored, reads ${env:NAME} and
// ${file:PATH} references, and masks secrets in text that leaves the program.
//
// It knows neither settings nor vendors: callers tell it which values are secret.
package secret

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// Where the key comes from, in this order: the value itself, a file that holds it, the data folder.
const (
	EnvKey     = "ORDERLY_KEY"
	EnvKeyFile = "ORDERLY_KEY_FILE"
	KeyFile    = "orderly.key"
)

// keyPrefix makes a key recognisable, to people and to scanners that look for leaked secrets.
const keyPrefix = "orderlykey1_"

// Box encrypts and decrypts with one key. It is safe for concurrent use.
type Box struct {
	aead   tink.AEAD
	id     string
	known  map[uint32]bool
	origin string
}

// OpenBox opens the box of an installation: with the key in ORDERLY_KEY, in the file that
// ORDERLY_KEY_FILE names, or in the data folder, where a new key is made when there is none. Nodes
// that share a store need the same key. getenv is os.Getenv outside tests.
func OpenBox(dataDir string, getenv func(string) string) (*Box, error) {
	if text := getenv(EnvKey); text != "" {
		return NewBox(text, "the environment variable "+EnvKey)
	}
	if path := getenv(EnvKeyFile); path != "" {
		text, err := readBounded(path)
		if err != nil {
			return nil, fmt.Errorf("read the key that %s names: %w", EnvKeyFile, err)
		}
		return NewBox(text, "the file "+path)
	}
	path := filepath.Join(dataDir, KeyFile)
	text, err := readOrCreateKey(path)
	if err != nil {
		return nil, err
	}
	return NewBox(text, "the file "+path)
}

// HasKey says whether OpenBox finds a key, so that it makes none.
func HasKey(dataDir string, getenv func(string) string) (bool, error) {
	if getenv(EnvKey) != "" || getenv(EnvKeyFile) != "" {
		return true, nil
	}
	_, err := os.Stat(filepath.Join(dataDir, KeyFile))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("looking for the key: %w", err)
	}
	return true, nil
}

// NewKey makes a new key, as text of one line.
func NewKey() (string, error) {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return "", fmt.Errorf("make a key: %w", err)
	}
	var buf bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewBinaryWriter(&buf)); err != nil {
		return "", fmt.Errorf("write a new key: %w", err)
	}
	return keyPrefix + base64.RawURLEncoding.EncodeToString(buf.Bytes()), nil
}

// NewBox opens a box with a key that NewKey made. Origin says in errors where the key is from.
func NewBox(key, origin string) (*Box, error) {
	invalid := func(why string) error {
		return fmt.Errorf("%s holds no Orderly key (%s); a key begins with %s", origin, why, keyPrefix)
	}
	encoded, found := strings.CutPrefix(strings.TrimSpace(key), keyPrefix)
	if !found {
		return nil, invalid("it begins differently")
	}
	raw, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return nil, invalid("it was cut or altered")
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewBinaryReader(bytes.NewReader(raw)))
	if err != nil {
		return nil, invalid("it was cut or altered")
	}
	primitive, err := aead.New(handle)
	if err != nil {
		return nil, invalid("it is a key for something else")
	}
	box := &Box{aead: primitive, known: map[uint32]bool{}, origin: origin}
	for _, info := range handle.KeysetInfo().GetKeyInfo() {
		box.known[info.GetKeyId()] = true
	}
	box.id = formatID(handle.KeysetInfo().GetPrimaryKeyId())
	return box, nil
}

// ID names the key without telling anything about it. A store keeps it, to notice another key.
func (b *Box) ID() string { return b.id }

// Verify fails when a store says that it was written with a key that this box does not have. An
// empty id is a store in which nothing is encrypted yet.
func (b *Box) Verify(storeID string) error {
	if storeID == "" {
		return nil
	}
	for id := range b.known {
		if formatID(id) == storeID {
			return nil
		}
	}
	return b.wrongKey(storeID)
}

func (b *Box) wrongKey(id string) error {
	return &WrongKeyError{Wanted: id, Have: b.id, Origin: b.origin}
}

// WrongKeyError says that something was encrypted with another key than the one at hand.
type WrongKeyError struct {
	Wanted, Have string
	Origin       string // where the key at hand is from
}

func (e *WrongKeyError) Error() string {
	return fmt.Sprintf("the secrets in the store were encrypted with key %s, but %s holds key %s; "+
		"give back the key that the store was made with, in %s or as %s in the data folder",
		e.Wanted, e.Origin, e.Have, EnvKey, KeyFile)
}

// ErrAltered says that a sealed text is damaged, or was sealed for another place.
var ErrAltered = errors.New("the encrypted value is damaged or belongs to another place")

// Seal encrypts plaintext. Context names the place that it is for ("connection/shop/state/token"):
// it can only be opened for the same place, so that nobody can move a secret to another row.
func (b *Box) Seal(plaintext []byte, context string) ([]byte, error) {
	sealed, err := b.aead.Encrypt(plaintext, []byte(context))
	if err != nil {
		return nil, fmt.Errorf("encrypt %s: %w", context, err)
	}
	return sealed, nil
}

// Open decrypts what Seal made for the same context. It fails with *WrongKeyError when another key
// was used, and with ErrAltered when the bytes or the context differ.
func (b *Box) Open(sealed []byte, context string) ([]byte, error) {
	plaintext, err := b.aead.Decrypt(sealed, []byte(context))
	if err == nil {
		return plaintext, nil
	}
	// Tink puts a version byte and the key's id before what it encrypts.
	if len(sealed) > 5 && sealed[0] == 1 {
		if id := binary.BigEndian.Uint32(sealed[1:5]); !b.known[id] {
			return nil, fmt.Errorf("decrypt %s: %w", context, b.wrongKey(formatID(id)))
		}
	}
	return nil, fmt.Errorf("decrypt %s: %w", context, ErrAltered)
}

func formatID(id uint32) string { return fmt.Sprintf("%08x", id) }

func readOrCreateKey(path string) (string, error) {
	text, err := readKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return text, err
	}
	key, err := NewKey()
	if err != nil {
		return "", err
	}
	if err := writeOnce(path, key+"\n"); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("store a new key: %w", err)
	}
	// Another process may have been first: the file tells which key counts.
	return readKey(path)
}

func readKey(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	// The group is let in because volumes of container platforms are mounted with group access.
	if info.Mode().Perm()&0o007 != 0 {
		return "", fmt.Errorf("the key file %s can be read by every user of this machine; run: chmod 600 %s", path, path)
	}
	return readBounded(path)
}

// writeOnce creates a file that only its owner can read, whole and on disk or not at all; it fails
// with fs.ErrExist when the file is there already.
func writeOnce(path, text string) (err error) {
	dir := filepath.Dir(path)
	temporary := filepath.Join(dir, "."+KeyFile+"."+rand.Text()[:8])
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temporary) }() // the link below is another name of the same file
	if _, err = f.WriteString(text); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Link(temporary, path); err != nil {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
