package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// errClaimLost rolls back a transaction in which not every claim could be had.
var errClaimLost = errors.New("another owner has a claim")

// TakeClaims asks for the right to make what any of the keys stands for, until a time: for all of
// them or for none. It is not won while another owner has one of them (DocumentID is "") or when
// something was made under one of them already: that is what the claim then gives. At least one key
// must be given.
func (s *Store) TakeClaims(ctx context.Context, destination string, keys []string, owner string, now, until time.Time) (Claim, error) {
	keys = inOrder(keys)
	var c Claim
	err := s.Write(ctx, func(ctx context.Context, tx Tx) error {
		c = Claim{}
		made, err := s.readClaims(ctx, tx, destination, keys)
		if err != nil || made.DocumentID != "" {
			c = made
			return err
		}
		for _, key := range keys {
			if err := s.takeClaim(ctx, tx, destination, key, owner, now, until); err != nil {
				return err
			}
		}
		c = Claim{Won: true}
		return nil
	})
	if errors.Is(err, errClaimLost) {
		return Claim{}, nil
	}
	if err != nil {
		return Claim{}, fmt.Errorf("claim in %s: %w", destination, err)
	}
	return c, nil
}

func (s *Store) takeClaim(ctx context.Context, tx Tx, destination, key, owner string, now, until time.Time) error {
	taken, err := tx.Exec(ctx, `
		INSERT INTO claims (destination, match_key, owner, until, updated_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (destination, match_key) DO UPDATE SET owner = excluded.owner, until = excluded.until, updated_at = excluded.updated_at
		WHERE claims.document_id = '' AND (claims.owner = '' OR claims.owner = excluded.owner OR claims.until <= excluded.updated_at)`,
		destination, key, owner, millis(until), millis(now))
	if err == nil && taken == 0 {
		return errClaimLost
	}
	return err
}

// ReadClaims gives what was made under the first of the keys that has something, without asking for
// the right to make it.
func (s *Store) ReadClaims(ctx context.Context, destination string, keys []string) (Claim, error) {
	var c Claim
	err := s.Read(ctx, func(ctx context.Context, tx Tx) (err error) {
		c, err = s.readClaims(ctx, tx, destination, keys)
		return err
	})
	return c, err
}

func (s *Store) readClaims(ctx context.Context, tx Tx, destination string, keys []string) (Claim, error) {
	for _, key := range keys {
		var c Claim
		err := tx.QueryRow(ctx, `
			SELECT document_type, document_id, number FROM claims WHERE destination = $1 AND match_key = $2 AND document_id <> ''`,
			destination, key).Scan(&c.DocumentType, &c.DocumentID, &c.Number)
		if err == nil || !errors.Is(err, ErrNoRows) {
			return c, err
		}
	}
	return Claim{}, nil
}

// KeepClaims remembers under every key what was made, and ends the right to make it, whoever has it.
func (s *Store) KeepClaims(ctx context.Context, tx Tx, destination string, keys []string, made Claim, now time.Time) error {
	for _, key := range inOrder(keys) {
		_, err := tx.Exec(ctx, `
			INSERT INTO claims (destination, match_key, document_type, document_id, number, updated_at) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (destination, match_key) DO UPDATE SET owner = '', until = 0, document_type = excluded.document_type,
				document_id = excluded.document_id, number = excluded.number, updated_at = excluded.updated_at`,
			destination, key, made.DocumentType, made.DocumentID, made.Number, millis(now))
		if err != nil {
			return fmt.Errorf("claim in %s: %w", destination, err)
		}
	}
	return nil
}

// ReleaseClaims gives claims back under which nothing was made.
func (s *Store) ReleaseClaims(ctx context.Context, tx Tx, destination string, keys []string, owner string) error {
	for _, key := range inOrder(keys) {
		if _, err := tx.Exec(ctx, `UPDATE claims SET owner = '', until = 0 WHERE destination = $1 AND match_key = $2 AND owner = $3 AND document_id = ''`,
			destination, key, owner); err != nil {
			return fmt.Errorf("claim in %s: %w", destination, err)
		}
	}
	return nil
}

// inOrder gives each key once, in one order for all, so that two owners cannot block each other.
func inOrder(keys []string) []string { return slices.Compact(slices.Sorted(slices.Values(keys))) }
