package connectortest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/orderlyhq/orderly/connector"
)

// settingsChecks are about Config: settings, their descriptions and their errors.
func settingsChecks() []check {
	return []check{
		{name: "settings/every setting is described", run: settingsAreDescribed},
		{name: "settings/a missing required setting is named", run: missingSettingIsNamed},
		{name: "settings/an unknown setting is refused with a suggestion", run: unknownSetting},
		{name: "settings/examples and defaults are accepted", run: examplesAreAccepted},
		{name: "settings/a secret prints as nothing", run: secretsPrintAsNothing},
		{name: "settings/no error holds a secret", run: settingsErrorsHoldNoSecrets},
	}
}

func settingsAreDescribed(f *fixture) {
	seen := map[string]bool{}
	for _, s := range f.harness.Definition.New().Settings() {
		switch {
		case s.Name == "" || s.Name != strings.ToLower(s.Name) || strings.ContainsAny(s.Name, " -."):
			f.Errorf("the name %q is not snake_case", s.Name)
		case seen[s.Name]:
			f.Errorf("there are two settings %s", s.Name)
		case len(s.Help) < 8:
			f.Errorf("%s has no help", s.Name)
		case s.Secret && s.Default != "":
			f.Errorf("the secret %s has a default", s.Name)
		}
		seen[s.Name] = true
	}
	d := f.harness.Definition
	if d.Name == "" || d.Title == "" || d.Roles == 0 {
		f.Errorf("the definition lacks name, title or roles: %+v", d.Name)
	}
	if groups := []connector.Group{connector.GroupShop, connector.GroupCRM, connector.GroupERP}; !slices.Contains(groups, d.Group) {
		f.Errorf("the group %q is none of %q", d.Group, groups)
	}
}

func missingSettingIsNamed(f *fixture) {
	for _, s := range f.harness.Definition.New().Settings() {
		if !s.Required {
			continue
		}
		_, err := f.tryOpen(f.with(s.Name, ""))
		if err == nil || !strings.Contains(err.Error(), s.Name) {
			f.Errorf("without the required setting %s: %v; want an error that names it", s.Name, err)
		}
	}
}

func unknownSetting(f *fixture) {
	all := f.harness.Definition.New().Settings()
	if len(all) == 0 {
		return
	}
	wrong := all[0].Name + "x"
	_, err := f.tryOpen(f.with(wrong, "1"))
	if problem := unhelpful(err, wrong, all[0].Name); problem != "" {
		f.Error(problem)
	}
}

// unhelpful says what is missing in the error about a name that was mistyped, or "".
func unhelpful(err error, wrong, meant string) string {
	switch {
	case err == nil || !strings.Contains(err.Error(), wrong):
		return fmt.Sprintf("an unknown setting gives %v; want an error that names it", err)
	case !strings.Contains(strings.ReplaceAll(err.Error(), wrong, ""), meant):
		return fmt.Sprintf("the error %q does not suggest %s, which is one letter away", err, meant)
	}
	return ""
}

func examplesAreAccepted(f *fixture) {
	for _, s := range f.harness.Definition.New().Settings() {
		values := map[string]string{}
		if s.Example != "" {
			values[s.Name] = s.Example
		}
		for _, problem := range connector.Bind([]connector.Setting{s}, values) {
			if s.Example != "" || !s.Required {
				f.Errorf("the example %q of %s: %s", s.Example, s.Name, problem.Message)
			}
		}
		for _, allowed := range s.Allowed {
			if problems := connector.Bind([]connector.Setting{s}, map[string]string{s.Name: allowed}); len(problems) > 0 {
				f.Errorf("the allowed value %q of %s: %s", allowed, s.Name, problems[0].Message)
			}
		}
	}
}

func secretsPrintAsNothing(f *fixture) {
	config := f.harness.Definition.New()
	connector.Bind(config.Settings(), f.values)
	text, err := json.Marshal(config)
	if err != nil {
		text = nil // a configuration need not be JSON
	}
	for _, printed := range []string{fmt.Sprintf("%v", config), fmt.Sprintf("%+v", config), fmt.Sprintf("%#v", config), string(text)} {
		f.noSecretsIn("the printed configuration", printed)
	}
}

// settingsErrorsHoldNoSecrets makes each setting wrong or takes it away, while all others are right.
func settingsErrorsHoldNoSecrets(f *fixture) {
	for _, s := range f.harness.Definition.New().Settings() {
		for _, value := range []string{"", "no value of anything\x00"} {
			if s.Secret && value != "" {
				value = f.values[s.Name] + "\x00" // what people paste has the true value in it
			}
			if _, err := f.tryOpen(f.with(s.Name, value)); err != nil {
				f.noSecretsIn("the error about "+s.Name, fmt.Sprintf("%v %+v %#v", err, err, err))
			}
		}
	}
}
