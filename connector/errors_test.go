package connector_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/orderlyhq/orderly/connector"
)

func TestErrorTellsItsStory(t *testing.T) {
	for want, e := range map[string]connector.Error{
		`create order: lines[2].sku "TEA": no article has this SKU (404); map it or make it`: {
			Kind: connector.KindUnmapped, Op: "create order", Field: "lines[2].sku", Value: "TEA", Code: "404",
			Message: "no article has this SKU", Fix: "map it or make it",
		},
		"lines[0].sku: is missing":    {Kind: connector.KindInvalid, Field: "lines[0].sku", Message: "is missing"},
		"sign in: unexpected EOF":     {Kind: connector.KindUnavailable, Op: "sign in", Err: io.ErrUnexpectedEOF},
		"create order: maybe applied": {Kind: connector.KindMaybeApplied, Op: "create order"},
		"rate limited":                {Kind: connector.KindRateLimited},
		"find order: refused (-5002)": {Kind: connector.KindInvalid, Op: "find order", Message: "refused", Code: "-5002"},
		// A value without its field says nothing.
		"read: wrong": {Kind: connector.KindInvalid, Op: "read", Value: "7", Message: "wrong"},
		// The message is for people; what it was made from does not follow it.
		"read: the answer is no JSON": {Kind: connector.KindUnavailable, Op: "read", Message: "the answer is no JSON", Err: io.EOF},
	} {
		if got := e.Error(); got != want {
			t.Errorf("%q; want %q", got, want)
		}
	}
}

func TestErrorfWraps(t *testing.T) {
	e := connector.Errorf(connector.KindUnavailable, "list orders", "page %d: %w", 3, io.ErrUnexpectedEOF)
	if e.Kind != connector.KindUnavailable || e.Op != "list orders" || e.Message != "page 3: unexpected EOF" {
		t.Errorf("%+v", *e)
	}
	if !errors.Is(e, io.ErrUnexpectedEOF) {
		t.Error("the cause is not in the chain")
	}
	if plain := connector.Errorf(connector.KindBug, "", "odd"); plain.Err != nil || plain.Error() != "odd" {
		t.Errorf("without a cause: %v, %q", plain.Err, plain.Error())
	}
	both := connector.Errorf(connector.KindUnavailable, "read", "%w and %w", io.EOF, io.ErrClosedPipe)
	if !errors.Is(both, io.EOF) || !errors.Is(both, io.ErrClosedPipe) {
		t.Error("of two causes not both are in the chain")
	}
}

func TestInvalidNamesTheField(t *testing.T) {
	e := connector.Invalid("lines[1].quantity", "%q is no number", "x")
	if e.Kind != connector.KindInvalid || e.Field != "lines[1].quantity" || e.Error() != `lines[1].quantity: "x" is no number` {
		t.Errorf("%+v: %s", *e, e)
	}
}

func TestKindOf(t *testing.T) {
	inner := connector.Errorf(connector.KindAuth, "sign in", "refused")
	outer := connector.Errorf(connector.KindUnavailable, "list", "sign in first: %w", inner)
	for name, c := range map[string]struct {
		err  error
		want connector.ErrorKind
	}{
		"one of ours":                 {inner, connector.KindAuth},
		"wrapped":                     {fmt.Errorf("flow: %w", inner), connector.KindAuth},
		"the first in the chain":      {outer, connector.KindUnavailable},
		"joined":                      {errors.Join(io.EOF, inner), connector.KindAuth},
		"cancelled":                   {fmt.Errorf("list: %w", context.Canceled), connector.KindUnavailable},
		"too late":                    {context.DeadlineExceeded, connector.KindUnavailable},
		"ours about a context's end":  {&connector.Error{Kind: connector.KindMaybeApplied, Err: context.Canceled}, connector.KindMaybeApplied},
		"anything else":               {io.EOF, connector.KindBug},
		"a problem with the settings": {&connector.SettingsError{Problems: []*connector.SettingError{{Setting: "shop"}}}, connector.KindBug},
	} {
		if got := connector.KindOf(c.err); got != c.want {
			t.Errorf("%s is %s; want %s", name, got, c.want)
		}
	}
}

func TestTemporary(t *testing.T) {
	for kind, want := range map[connector.ErrorKind]bool{
		connector.KindInvalid: false, connector.KindAuth: false, connector.KindForbidden: false, connector.KindNotFound: false,
		connector.KindConflict: false, connector.KindUnmapped: false, connector.KindBug: false,
		connector.KindRateLimited: true, connector.KindUnavailable: true, connector.KindMaybeApplied: true,
		"": false,
	} {
		if kind.Temporary() != want {
			t.Errorf("%s may pass by itself: %t; want %t", kind, !want, want)
		}
	}
}

func TestSettingsErrorCountsTheRest(t *testing.T) {
	e := &connector.SettingsError{Connection: "berlin", Problems: []*connector.SettingError{{Setting: "shop", Message: "is required"}}}
	if got := e.Error(); got != "connection berlin: shop: is required" {
		t.Errorf("%q", got)
	}
	e.Problems = append(e.Problems, e.Problems[0], e.Problems[0])
	if got := e.Error(); !strings.HasSuffix(got, "(and 2 more)") {
		t.Errorf("%q", got)
	}
}
