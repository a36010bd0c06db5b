package connector_test

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/connector"
)

func order(id string) connector.Ref { return connector.Ref{Kind: commerce.KindOrder, ID: id} }

// The keys stand in documents of years ago, so they must never become others.
func TestNewKey(t *testing.T) {
	for name, c := range map[string]struct {
		connection string
		ref        connector.Ref
		want       connector.Key
	}{
		"an order":                       {"berlin", order("1001"), "berlin-1001"},
		"a customer":                     {"berlin", connector.Ref{Kind: commerce.KindCustomer, ID: "7"}, "berlin-c-7"},
		"letters of both cases":          {"berlin", order("aB_9"), "berlin-aB_9"},
		"forty characters":               {"berlin", order(strings.Repeat("1", 33)), connector.Key("berlin-" + strings.Repeat("1", 33))},
		"an address as an id":            {"berlin", order("gid://shop/Order/1"), "berlin--5tr6jkc5eqc6pphc"},
		"an id that is too long":         {"berlin", order(strings.Repeat("1", 34)), "berlin--liejcrd2nhocpux7"},
		"an id that looks like a prefix": {"berlin", order("c-7"), "berlin--3jl7wuqc7akh24zx"},
	} {
		got := connector.NewKey(c.connection, c.ref)
		if got != c.want {
			t.Errorf("%s: %s; want %s", name, got, c.want)
		}
	}
}

var inKey = regexp.MustCompile(`^[A-Za-z0-9_-]{1,40}$`)

func connections() *rapid.Generator[string] { return rapid.StringMatching(`[a-z][a-z0-9_]{0,45}`) }

func refs() *rapid.Generator[connector.Ref] {
	return rapid.Custom(func(t *rapid.T) connector.Ref {
		id := rapid.OneOf(rapid.StringMatching(`[0-9]{1,20}`), rapid.StringMatching(`[A-Za-z0-9_-]{1,50}`), rapid.StringN(1, 60, -1)).Draw(t, "id")
		return connector.Ref{Kind: rapid.SampledFrom([]commerce.Kind{commerce.KindOrder, commerce.KindCustomer}).Draw(t, "kind"), ID: id}
	})
}

func TestKeysFitAndStay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		connection, ref := connections().Draw(t, "connection"), refs().Draw(t, "ref")
		key := connector.NewKey(connection, ref)
		if !inKey.MatchString(string(key)) {
			t.Errorf("the key %q has characters that not every system takes, or more than 40", key)
		}
		if again := connector.NewKey(connection, ref); again != key {
			t.Errorf("the same record has the keys %q and %q", key, again)
		}
	})
}

func TestTwoRecordsNeverShareAKey(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c1, c2 := connections().Draw(t, "connection"), connections().Draw(t, "other connection")
		r1, r2 := refs().Draw(t, "ref"), refs().Draw(t, "other ref")
		if rapid.Bool().Draw(t, "one connection") {
			c2 = c1
		}
		if rapid.Bool().Draw(t, "one is the other's text") {
			r2.ID = strings.TrimPrefix(string(connector.NewKey(c1, r1)), c1+"-") // the nearest that an id comes to another's key
		}
		if (c1 != c2 || r1 != r2) && connector.NewKey(c1, r1) == connector.NewKey(c2, r2) {
			t.Errorf("%s %+v and %s %+v share the key %s", c1, r1, c2, r2, connector.NewKey(c1, r1))
		}
	})
}

func FuzzNewKey(f *testing.F) {
	f.Add("1001", true)
	f.Add("", false)
	f.Add("gid://shopify/Order/1\xff", true)
	f.Fuzz(func(t *testing.T, id string, isOrder bool) {
		ref := connector.Ref{Kind: commerce.KindCustomer, ID: id}
		if isOrder {
			ref.Kind = commerce.KindOrder
		}
		if key := connector.NewKey("berlin", ref); !inKey.MatchString(string(key)) {
			t.Errorf("the id %q has the key %q", id, key)
		}
	})
}
