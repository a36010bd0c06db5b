package fake

import "strings"

// addressFields are what a contact takes over from the partner that it belongs to.
var addressFields = []string{"street", "street2", "zip", "city", "state_id", "country_id"}

// settlePartner checks a partner and brings its contacts along, which have no address and no tax number
// of their own.
func (e *env) settlePartner(t *table, id int64, before *record, given map[string]any) *fault {
	p := t.get(id)
	if p.text("type") == "contact" && p.text("name") == "" {
		return validationError("The operation cannot be completed: Contacts require a name")
	}
	if given["company_type"] != nil {
		p = e.modify(t, id, map[string]any{"is_company": given["company_type"] == "company"}, false)
	}
	if err := e.checkVAT(p); err != nil {
		return err
	}
	values := map[string]any{}
	if parent := t.get(p.id64("parent_id")); parent != nil {
		if !p.flag("is_company") && parent.values["vat"] != p.values["vat"] {
			values["vat"] = parent.values["vat"]
		}
		if p.text("type") == "contact" {
			for _, name := range addressFields {
				values[name] = parent.values[name]
			}
		}
	}
	e.modify(t, id, values, false)
	if before == nil {
		return nil
	}
	for _, child := range t.by("parent_id", id) {
		if err := e.settlePartner(t, child.id, nil, nil); err != nil {
			return err
		}
	}
	return nil
}

// checkVAT is what the module base_vat does for German numbers: eight digits and a check digit. Other
// countries' numbers pass here when they begin with two letters.
func (e *env) checkVAT(p *record) *fault {
	vat := p.text("vat")
	if vat == "" || p.id64("parent_id") != 0 {
		return nil
	}
	compact := strings.ToUpper(strings.NewReplacer(" ", "", ".", "", "-", "").Replace(vat))
	digits, german := strings.CutPrefix(compact, "DE")
	if !german || germanVAT(digits) {
		return nil
	}
	if e.version >= 19 {
		return validationError("\nThe VAT number [%s] for partner [%s] does not seem to be valid.  \nNote: the expected format is DE123456788 or 12/345/67890", digits, p.text("name"))
	}
	return validationError("\nThe VAT number [%s] for partner [%s] does not seem to be valid. \nNote: the expected format is DE123456788 or 12/345/67890", vat, p.text("name"))
}

// germanVAT checks the last digit by ISO 7064, MOD 11,10.
func germanVAT(digits string) bool {
	if len(digits) != 9 {
		return false
	}
	product := 10
	for i := range 8 {
		if digits[i] < '0' || digits[i] > '9' {
			return false
		}
		sum := (int(digits[i]-'0') + product) % 10
		if sum == 0 {
			sum = 10
		}
		product = 2 * sum % 11
	}
	check := 11 - product
	if check == 10 {
		check = 0
	}
	return int(digits[8]-'0') == check
}
