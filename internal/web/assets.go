package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"time"
)

// assets are the files that pages use. Their addresses have the version of their content, so browsers
// keep them for good.
type assets struct {
	version string
	files   map[string][]byte
}

func newAssets(from fs.FS) (*assets, error) {
	a := &assets{files: map[string][]byte{}}
	hash := sha256.New()
	err := fs.WalkDir(from, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		hash.Write([]byte(name))
		hash.Write(content)
		a.files[name] = content
		return nil
	})
	a.version = hex.EncodeToString(hash.Sum(nil)[:6])
	return a, err
}

// url is the address of a file.
func (a *assets) url(name string) string { return "/assets/" + a.version + "/" + name }

// ServeHTTP implements http.Handler.
func (a *assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	content, ok := a.files[name]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
	if r.PathValue("version") == a.version {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(content))
}
