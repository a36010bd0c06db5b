package connector_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/orderlyhq/orderly/connector"
)

// account is a configuration with a setting of every type.
type account struct {
	shop    string
	token   connector.Secret
	mode    string
	sandbox bool
	days    int
	rate    float64
	wait    time.Duration
	tags    []string
}

func newAccount() *account {
	return &account{mode: "live", days: 7, rate: 2.5, wait: 90 * time.Second, tags: []string{"a", "b"}}
}

func (a *account) settings() []connector.Setting {
	return []connector.Setting{
		connector.String(&a.shop, "shop", "the shop's name", connector.Required(), connector.Example("tea")),
		connector.SecretString(&a.token, "token", "the key of the API", connector.Required()),
		connector.String(&a.mode, "mode", "how it works", connector.Allowed("live", "test")),
		connector.Bool(&a.sandbox, "sandbox", "whether it is a sandbox"),
		connector.Int(&a.days, "days", "days to wait", connector.Example("14"), connector.Advanced()),
		connector.Number(&a.rate, "rate", "requests a second"),
		connector.Duration(&a.wait, "wait", "time to wait"),
		connector.List(&a.tags, "tags", "tags of orders"),
	}
}

func TestSettingDescribesItself(t *testing.T) {
	want := map[string]string{
		"shop": "", "token": "", "mode": "live", "sandbox": "false", "days": "7", "rate": "2.5", "wait": "1m30s", "tags": "a,b",
	}
	for _, s := range newAccount().settings() {
		if s.Default != want[s.Name] || s.Value() != s.Default {
			t.Errorf("%s has the default %q and the value %q; want %q", s.Name, s.Default, s.Value(), want[s.Name])
		}
		if s.Secret != (s.Name == "token") || s.Required != (s.Name == "shop" || s.Name == "token") || s.Advanced != (s.Name == "days") {
			t.Errorf("%s is secret %t, required %t, advanced %t", s.Name, s.Secret, s.Required, s.Advanced)
		}
		if s.Help == "" {
			t.Errorf("%s lost its help", s.Name)
		}
	}
}

func TestSecretHasNoDefault(t *testing.T) {
	field := connector.Secret("hunter22")
	if s := connector.SecretString(&field, "token", "the key of the API"); s.Default != "" {
		t.Error("what the field of a secret holds became its default, which forms and documentation show")
	}
}

func TestBindSetsEveryType(t *testing.T) {
	a := newAccount()
	problems := connector.Bind(a.settings(), map[string]string{
		"shop": "tea", "token": "s3cr3t", "mode": "test", "sandbox": "true", "days": "-3", "rate": "0.25", "wait": "2h", "tags": " x, ,y ,",
	})
	if len(problems) > 0 {
		t.Fatalf("problems: %v", problems)
	}
	got := fmt.Sprint(a.shop, a.token.Reveal(), a.mode, a.sandbox, a.days, a.rate, a.wait, a.tags)
	if want := fmt.Sprint("tea", "s3cr3t", "test", true, -3, 0.25, 2*time.Hour, []string{"x", "y"}); got != want {
		t.Errorf("bound %s; want %s", got, want)
	}
}

func TestBindLeavesDefaults(t *testing.T) {
	a := newAccount()
	// An empty text is no value of a number, a truth value or a list: forms send it for what nobody filled in.
	problems := connector.Bind(a.settings(), map[string]string{
		"shop": "tea", "token": "s3cr3t", "sandbox": "", "days": "", "rate": "", "wait": "", "tags": "",
	})
	if len(problems) > 0 {
		t.Fatalf("problems: %v", problems)
	}
	if a.mode != "live" || a.days != 7 || a.rate != 2.5 || a.wait != 90*time.Second || !slices.Equal(a.tags, []string{"a", "b"}) {
		t.Errorf("defaults were lost: %+v", *a)
	}
}

func TestBindNamesEveryProblem(t *testing.T) {
	good := map[string]string{"shop": "tea", "token": "s3cr3t"}
	for name, c := range map[string]struct {
		setting, value string // "" leaves it out
		say            []string
	}{
		"a required one is missing":            {"shop", "", []string{"required", "the shop's name", "tea"}},
		"a truth value that is none":           {"sandbox", "perhaps", []string{`"perhaps"`, "neither true nor false"}},
		"a number with decimals":               {"days", "1.5", []string{`"1.5"`, "no whole number", "14"}},
		"a number beyond all bounds":           {"days", "99999999999999999999", []string{"no whole number"}},
		"a rate in words":                      {"rate", "fast", []string{`"fast"`, "no number"}},
		"a rate that is no number":             {"rate", "NaN", []string{"no number"}},
		"a rate without end":                   {"rate", "Inf", []string{"no number"}},
		"a time without a unit":                {"wait", "30", []string{`"30"`, "30s or 10m"}},
		"a value that is not among the few":    {"mode", "Live", []string{`"Live"`, "live, test"}},
		"a name with a slip of the finger":     {"shpo", "x", []string{"did you mean shop?"}},
		"a name that is like nothing known":    {"completely_else", "x", []string{"known are", "days, mode"}},
		"an unknown name whose value is empty": {"completely_else2", " ", []string{"known are"}},
	} {
		t.Run(name, func(t *testing.T) {
			values := maps.Clone(good)
			if values[c.setting] = c.value; c.value == "" {
				delete(values, c.setting)
			}
			problems := connector.Bind(newAccount().settings(), values)
			if len(problems) != 1 || problems[0].Setting != c.setting {
				t.Fatalf("problems %v; want one about %s", problems, c.setting)
			}
			for _, part := range c.say {
				if !strings.Contains(problems[0].Error(), part) {
					t.Errorf("%q does not say %q", problems[0].Error(), part)
				}
			}
		})
	}
}

func TestBindWantsRequiredSettingsOfEveryType(t *testing.T) {
	required := func(a *account) []connector.Setting {
		r := connector.Required()
		return []connector.Setting{
			connector.String(&a.shop, "shop", "the shop's name", r), connector.SecretString(&a.token, "token", "the key of the API", r),
			connector.Bool(&a.sandbox, "sandbox", "whether it is a sandbox", r), connector.Int(new(int), "days", "days to wait", r),
			connector.Number(new(float64), "rate", "requests a second", r), connector.Duration(new(time.Duration), "wait", "time to wait", r),
			connector.List(new([]string), "tags", "tags of orders", r),
		}
	}
	for _, values := range []map[string]string{nil, {"shop": "", "token": "", "sandbox": "", "days": "", "rate": "", "wait": "", "tags": ""}} {
		settings := required(&account{})
		problems := connector.Bind(settings, values)
		if len(problems) != len(settings) {
			t.Errorf("with %v there are %d problems; want one for each of the %d required settings: %v", values, len(problems), len(settings), problems)
		}
	}
}

func TestBindGivesAllProblemsInOneOrder(t *testing.T) {
	values := map[string]string{"zzz": "1", "aaa": "1", "days": "x", "wait": "x", "mode": "x"}
	first := fmt.Sprint(connector.Bind(newAccount().settings(), values))
	for range 20 {
		if again := fmt.Sprint(connector.Bind(newAccount().settings(), values)); again != first {
			t.Fatalf("the order changes:\n%s\n%s", first, again)
		}
	}
	var names []string
	for _, p := range connector.Bind(newAccount().settings(), values) {
		names = append(names, p.Setting)
	}
	if want := []string{"aaa", "days", "mode", "shop", "token", "wait", "zzz"}; !slices.Equal(names, want) {
		t.Errorf("problems about %v; want %v", names, want)
	}
}

func TestBindNeverShowsASecret(t *testing.T) {
	var pin connector.Secret
	const secret = "hunter22"
	s := connector.SecretString(&pin, "pin", "the PIN of the account", connector.Allowed("1111"))
	problems := connector.Bind([]connector.Setting{s}, map[string]string{"pin": secret})
	if len(problems) != 1 || strings.Contains(problems[0].Error(), secret) {
		t.Errorf("problems %v; want one that does not hold the value", problems)
	}
}

// Whatever is bound can be read back as text and bound again to the same.
func TestBoundValuesGoThereAndBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := map[string]string{
			"shop": rapid.StringN(1, 20, -1).Draw(t, "shop"), "token": rapid.StringN(1, 20, -1).Draw(t, "token"),
			"mode": rapid.SampledFrom([]string{"live", "test"}).Draw(t, "mode"), "sandbox": fmt.Sprint(rapid.Bool().Draw(t, "sandbox")),
			"days": fmt.Sprint(rapid.Int().Draw(t, "days")), "rate": fmt.Sprint(rapid.Float64().Draw(t, "rate")),
			"wait": time.Duration(rapid.Int64().Draw(t, "wait")).String(),
			"tags": strings.Join(rapid.SliceOfN(rapid.StringMatching(`[a-z ]{0,5}`), 1, 5).Draw(t, "tags"), ","),
		}
		first, second := newAccount(), newAccount()
		if problems := connector.Bind(first.settings(), values); len(problems) > 0 {
			t.Fatalf("bind %v: %v", values, problems)
		}
		read := map[string]string{}
		for _, s := range first.settings() {
			if read[s.Name] = s.Value(); s.Name == "tags" && s.Value() == "" {
				second.tags = nil
			}
		}
		if problems := connector.Bind(second.settings(), read); len(problems) > 0 {
			t.Fatalf("bind what was read, %v: %v", read, problems)
		}
		if a, b := fmt.Sprintf("%#v", flat(first)), fmt.Sprintf("%#v", flat(second)); a != b {
			t.Errorf("there and back: %s became %s", a, b)
		}
	})
}

func flat(a *account) []any {
	return []any{a.shop, a.token.Reveal(), a.mode, a.sandbox, a.days, a.rate, a.wait, strings.Join(a.tags, ",")}
}

func FuzzBind(f *testing.F) {
	f.Add("shop", "tea")
	f.Add("days", "0x10")
	f.Add("wait", "1e9h")
	f.Add("tags", ",,,")
	f.Add("nobody", "\x00")
	f.Fuzz(func(t *testing.T, name, value string) {
		values := map[string]string{"shop": "tea", "token": "s3cr3t"}
		values[name] = value
		for _, p := range connector.Bind(newAccount().settings(), values) {
			if p.Setting != name || p.Message == "" {
				t.Errorf("a problem about %q with the message %q; only %q was given", p.Setting, p.Message, name)
			}
			if name == "token" && len(value) > 4 && strings.Contains(p.Error(), value) {
				t.Error("the secret is in the problem")
			}
		}
	})
}

func TestSecretPrintsAsNothing(t *testing.T) {
	const text = "hunter22"
	type nested struct {
		Token  connector.Secret
		Tokens []connector.Secret
		ByName map[string]connector.Secret
	}
	s := connector.Secret(text)
	value := nested{Token: s, Tokens: []connector.Secret{s}, ByName: map[string]connector.Secret{"a": s}}
	asJSON, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("opened", "token", s, "all", value)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("opened", "token", s, "all", value)
	printed := map[string]string{
		"JSON": string(asJSON), "log": log.String(),
		"error": fmt.Errorf("with %w and %s", connector.Errorf(connector.KindAuth, "sign in", "token %s", s), s).Error(),
	}
	// The verbs are in a variable because go vet knows that most make no sense for a text.
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%c", "%10s", "%.3s"} {
		printed[verb] = fmt.Sprintf(verb, s)
		printed[verb+" nested"] = fmt.Sprintf(verb, value)
		printed[verb+" pointed at"] = fmt.Sprintf(verb, &value)
	}
	for how, p := range printed {
		for _, leak := range []string{text, fmt.Sprintf("%x", text), fmt.Sprintf("%X", text), text[:3]} {
			if strings.Contains(p, leak) {
				t.Errorf("%s prints the secret: %s", how, p)
			}
		}
	}
	if s.Reveal() != text {
		t.Error("Reveal does not give the secret")
	}
	if empty := connector.Secret(""); empty.String() != "" {
		t.Error("a secret that was not given must be seen to be empty")
	}
}
