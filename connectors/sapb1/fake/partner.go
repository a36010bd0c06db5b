package fake

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// createPartner makes a business partner. Its code is the caller's or comes from a series.
func (v *Vendor) createPartner(in row) (*row, *fault) {
	t := v.tables["BusinessPartners"]
	r := maps.Clone(in)
	if r.text("CardCode") == "" {
		if r["Series"] == nil {
			return nil, refuse(-5002, "Enter business partner code [OCRD.CardCode]")
		}
		r["CardCode"] = fmt.Sprintf("C%06d", t.next)
		t.next++
	}
	if t.get(r.text("CardCode")) != nil {
		return nil, refuse(-2035, "This entry already exists in the following tables (ODBC -2035)")
	}
	fill := func(name string, value any) {
		if r[name] == nil {
			r[name] = value
		}
	}
	fill("CardType", "cCustomer")
	fill("Currency", v.localCode())
	fill("Valid", "tYES")
	fill("Frozen", "tNO")
	fill("GroupCode", int64(100))
	if err := v.checkCurrency(r); err != nil {
		return nil, err
	}
	r["BPAddresses"], r["ContactEmployees"] = []row{}, []row{}
	if err := v.addAddresses(r, in.rows("BPAddresses")); err != nil {
		return nil, err
	}
	if err := v.addContacts(r, in.rows("ContactEmployees")); err != nil {
		return nil, err
	}
	now := v.now().UTC()
	r["CreateDate"], r["CreateTime"] = now.Format(time.DateOnly), now.Format(time.TimeOnly)
	v.stamp(r, "UpdateDate", "UpdateTime")
	kept := t.put(r)
	v.tell("BusinessPartners", "Created", "A", r.text("CardCode"))
	return kept, nil
}

func (v *Vendor) checkCurrency(r row) *fault {
	if _, known := v.currencies[r.text("Currency")]; !known && r.text("Currency") != "##" {
		return missing()
	}
	return nil
}

// changePartner merges a change. Addresses are matched by name and type, contacts by their number; others are added.
func (v *Vendor) changePartner(kept *row, in row) *fault {
	err := v.change(v.tables["BusinessPartners"], kept, func(r row) *fault {
		if code := in.text("CardCode"); code != "" && code != r.text("CardCode") {
			return refuse(-5002, "CardCode cannot be changed")
		}
		for name, value := range in {
			if name != "BPAddresses" && name != "ContactEmployees" {
				r[name] = value
			}
		}
		if err := v.checkCurrency(r); err != nil {
			return err
		}
		r["BPAddresses"], r["ContactEmployees"] = cloned(r.rows("BPAddresses")), cloned(r.rows("ContactEmployees"))
		if err := v.addAddresses(r, in.rows("BPAddresses")); err != nil {
			return err
		}
		if err := v.addContacts(r, in.rows("ContactEmployees")); err != nil {
			return err
		}
		v.stamp(r, "UpdateDate", "UpdateTime")
		return nil
	})
	if err == nil {
		v.tell("BusinessPartners", "Updated", "U", kept.text("CardCode"))
	}
	return err
}

func (v *Vendor) addAddresses(r row, given []row) *fault {
	list := r.rows("BPAddresses")
	for _, a := range given {
		if a.text("AddressName") == "" {
			return refuse(-5002, "Enter address name [CRD1.Address]")
		}
		if a["AddressType"] == nil {
			a["AddressType"] = "bo_ShipTo"
		}
		if err := v.checkPlace(a.text("Country"), a.text("State")); err != nil {
			return err
		}
		i := slices.IndexFunc(list, func(p row) bool {
			return p.text("AddressName") == a.text("AddressName") && p.text("AddressType") == a.text("AddressType")
		})
		if i >= 0 {
			maps.Copy(list[i], a)
			continue
		}
		a["RowNum"], a["BPCode"] = int64(len(list)), r["CardCode"]
		list = append(list, a)
	}
	r["BPAddresses"] = list
	for use, field := range map[string]string{"bo_BillTo": "BilltoDefault", "bo_ShipTo": "ShipToDefault"} {
		i := slices.IndexFunc(list, func(a row) bool { return a.text("AddressType") == use })
		if i < 0 {
			continue
		}
		if r[field] == nil {
			r[field] = list[i]["AddressName"]
		}
		if use == "bo_BillTo" {
			r["ZipCode"] = list[i]["ZipCode"]
		} else {
			r["MailZipCode"] = list[i]["ZipCode"]
		}
	}
	return nil
}

func (v *Vendor) addContacts(r row, given []row) *fault {
	list := r.rows("ContactEmployees")
	for _, c := range given {
		i := slices.IndexFunc(list, func(p row) bool { return c["InternalCode"] != nil && p.int("InternalCode") == c.int("InternalCode") })
		if i >= 0 {
			maps.Copy(list[i], c)
			continue
		}
		if c.text("Name") == "" {
			return refuse(-5002, "Enter contact person name [OCPR.Name]")
		}
		if slices.ContainsFunc(list, func(p row) bool { return p.text("Name") == c.text("Name") }) {
			return refuse(-2035, "This entry already exists in the following tables (ODBC -2035)")
		}
		v.serial++
		c["InternalCode"], c["CardCode"] = int64(v.serial), r["CardCode"]
		list = append(list, c)
	}
	r["ContactEmployees"] = list
	return nil
}

// createField adds a user field to a table, and to everything that is kept in it.
func (v *Vendor) createField(in row) (*row, *fault) {
	name, tableName := in.text("Name"), in.text("TableName")
	if name == "" || tableName == "" || in["Type"] == nil {
		return nil, refuse(-1, "Enter table name, name and type of the user field")
	}
	if v.userFields[tableName+".U_"+name] {
		return nil, refuse(-2035, "This entry already exists in the following tables (ODBC -2035)")
	}
	known := false
	for _, o := range v.schema {
		known = known || o.table == tableName
	}
	if !known {
		return nil, missing()
	}
	v.addField(tableName, name)
	t := v.tables["UserFieldsMD"]
	r := maps.Clone(in)
	r["FieldID"] = t.next
	t.next++
	return t.put(r), nil
}

func (v *Vendor) addField(tableName, name string) {
	v.userFields[tableName+".U_"+name] = true
	if v.userFieldsOf[tableName] == nil {
		v.userFieldsOf[tableName] = map[string]bool{}
	}
	v.userFieldsOf[tableName]["U_"+name] = true
	for _, t := range v.tables {
		if t.object.table == tableName {
			t.addIndex("U_" + name)
		}
	}
}
