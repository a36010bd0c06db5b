package secret

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// maxFile bounds a file that a reference names, in bytes; keys and certificates are far smaller.
const maxFile = 64 << 10

// Resolver replaces references by what they refer to.
type Resolver struct {
	// Dir is what relative paths start from: the folder of the file that the references stand in.
	Dir string
	// LookupEnv is os.LookupEnv outside tests.
	LookupEnv func(name string) (string, bool)
}

// NewResolver reads the environment of the process, and relative paths from dir.
func NewResolver(dir string) *Resolver {
	return &Resolver{Dir: dir, LookupEnv: os.LookupEnv}
}

// reference is a part of a text: a reference, or what stands between references.
type reference struct {
	scheme, name string // scheme "" is plain text in name
}

func (r reference) String() string { return "${" + r.scheme + ":" + r.name + "}" }

// parse splits a text into references and what is between them; "$${" stands for "${" itself.
func parse(text string) ([]reference, error) {
	var parts []reference
	var plain strings.Builder
	flush := func() {
		if plain.Len() > 0 {
			parts = append(parts, reference{name: plain.String()})
			plain.Reset()
		}
	}
	for {
		i := strings.Index(text, "${")
		if i < 0 {
			plain.WriteString(text)
			flush()
			return parts, nil
		}
		if i > 0 && text[i-1] == '$' {
			plain.WriteString(text[:i-1] + "${")
			text = text[i+2:]
			continue
		}
		plain.WriteString(text[:i])
		end := strings.IndexByte(text[i:], '}')
		if end < 0 {
			return nil, fmt.Errorf(`the reference that "${" begins has no "}"; write $${ for the characters themselves`)
		}
		scheme, name, found := strings.Cut(text[i+2:i+end], ":")
		if !found || name == "" || (scheme != "env" && scheme != "file") {
			return nil, fmt.Errorf("${%s} is no reference; write ${env:NAME} or ${file:PATH}, or $${ for the characters themselves", text[i+2:i+end])
		}
		flush()
		parts = append(parts, reference{scheme: scheme, name: name})
		text = text[i+end+1:]
	}
}

// HasReference says whether any part of the text is a reference.
func HasReference(text string) bool {
	parts, err := parse(text)
	if err != nil {
		return false
	}
	for _, p := range parts {
		if p.scheme != "" {
			return true
		}
	}
	return false
}

// OnlyReferences says whether the text is made of references and nothing else, so that it can be
// shown and stored without telling a secret.
func OnlyReferences(text string) bool {
	parts, err := parse(text)
	if err != nil || len(parts) == 0 {
		return false
	}
	for _, p := range parts {
		if p.scheme == "" {
			return false
		}
	}
	return true
}

// Resolve gives the text with its references replaced. An error names the reference that is at
// fault, never what another one gave.
func (r *Resolver) Resolve(text string) (string, error) {
	parts, err := parse(text)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, p := range parts {
		value := p.name
		switch p.scheme {
		case "env":
			value, err = r.env(p)
		case "file":
			value, err = r.file(p)
		}
		if err != nil {
			return "", err
		}
		b.WriteString(value)
	}
	return b.String(), nil
}

func (r *Resolver) env(ref reference) (string, error) {
	value, found := r.LookupEnv(ref.name)
	switch {
	case !found:
		return "", fmt.Errorf("%s: the environment variable %s is not set", ref, ref.name)
	case value == "":
		return "", fmt.Errorf("%s: the environment variable %s is empty", ref, ref.name)
	}
	return value, nil
}

func (r *Resolver) file(ref reference) (string, error) {
	path := ref.name
	if !filepath.IsAbs(path) {
		path = filepath.Join(r.Dir, path)
	}
	value, err := readBounded(path)
	if err != nil {
		return "", fmt.Errorf("%s: %w", ref, err)
	}
	if value == "" {
		return "", fmt.Errorf("%s: the file is empty", ref)
	}
	return value, nil
}

// readBounded reads a small text file without the line break at its end.
func readBounded(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return "", err
	}
	if len(data) > maxFile {
		return "", fmt.Errorf("%s is longer than %d bytes", path, maxFile)
	}
	if !utf8.Valid(data) {
		return "", fmt.Errorf("%s is no text in UTF-8", path)
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r"), nil
}
