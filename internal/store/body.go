package store

import (
	"fmt"

	"github.com/klauspost/compress/zstd"
)

// maxBody bounds a body after decompression.
const maxBody = 64 << 20

// The coders are safe for concurrent use and hold no state between calls.
var (
	encoder, _ = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(128<<10))
	decoder, _ = zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxBody))
)

// Contexts of sealed values.
const (
	bodyContext     = "event body"
	deliveryContext = "delivery detail"
	settingsContext = "connection settings"
)

func secretContext(connection, name string) string { return "secret " + connection + "/" + name }

// Pack compresses and seals the body of an event, outside of any transaction.
func (s *Store) Pack(body []byte) ([]byte, error) { return s.pack(body, bodyContext) }

func (s *Store) pack(plain []byte, context string) ([]byte, error) {
	if plain == nil {
		return nil, nil
	}
	return s.sealer.Seal(encoder.EncodeAll(plain, make([]byte, 0, len(plain)/3+64)), context)
}

func (s *Store) unpack(sealed []byte, context string) ([]byte, error) {
	if len(sealed) == 0 {
		return nil, nil
	}
	packed, err := s.sealer.Open(sealed, context)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w; is this the key that the database was made with?", context, err)
	}
	plain, err := decoder.DecodeAll(packed, nil)
	if err != nil {
		return nil, fmt.Errorf("decompress %s: %w", context, err)
	}
	return plain, nil
}
