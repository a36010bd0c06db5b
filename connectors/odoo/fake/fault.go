package fake

import (
	"fmt"
	"net/http"
	"strings"
)

// fault is a Python exception as Odoo shows it to a caller.
type fault struct {
	name    string // class with its module
	message string
	// status is what JSON-2 answers; JSON-RPC answers 200 whatever happens.
	status int
}

func (f *fault) Error() string { return f.name + ": " + f.message }

func userError(format string, args ...any) *fault {
	return &fault{"odoo.exceptions.UserError", fmt.Sprintf(format, args...), http.StatusUnprocessableEntity}
}

func validationError(format string, args ...any) *fault {
	return &fault{"odoo.exceptions.ValidationError", fmt.Sprintf(format, args...), http.StatusUnprocessableEntity}
}

func accessError(format string, args ...any) *fault {
	return &fault{"odoo.exceptions.AccessError", fmt.Sprintf(format, args...), http.StatusForbidden}
}

func accessDenied() *fault {
	return &fault{"odoo.exceptions.AccessDenied", "Access Denied", http.StatusUnauthorized}
}

// python is an exception of the language itself: the call makes no sense.
func python(class, format string, args ...any) *fault {
	return &fault{"builtins." + class, fmt.Sprintf(format, args...), http.StatusInternalServerError}
}

func valueError(format string, args ...any) *fault { return python("ValueError", format, args...) }

func missingError(model string, id, user int64) *fault {
	return &fault{
		"odoo.exceptions.MissingError",
		fmt.Sprintf("Record does not exist or has been deleted.\n(Record: %s(%d,), User: %d)", model, id, user),
		http.StatusNotFound,
	}
}

func unknownDatabase(name string) *fault {
	return &fault{
		"psycopg2.OperationalError",
		fmt.Sprintf("connection to server at \"127.0.0.1\", port 5432 failed: FATAL:  database %q does not exist\n", name),
		http.StatusInternalServerError,
	}
}

func webFault(class string, status int, message string) *fault {
	return &fault{"werkzeug.exceptions." + class, message, status}
}

// mandatory is the refusal of a record without a value for a required field.
func (e *env) mandatory(def *modelDef, f *field) *fault {
	if e.version >= 19 {
		return validationError("The operation cannot be completed: Missing required value for the field '%s' (%s).\n"+
			"Model: '%s' (%s)\n- create/update: a mandatory field is not set\n"+
			"- delete: another model requires the record being deleted, you can archive it instead\n",
			f.label, f.name, def.label, def.name)
	}
	return validationError("The operation cannot be completed:\n- Create/update: a mandatory field is not set.\n"+
		"- Delete: another model requires the record being deleted. If possible, archive it instead.\n\n"+
		"Model: %s (%s)\nField: %s (%s)\n", def.label, def.name, f.label, f.name)
}

// unknownField is the refusal of a field that a model does not have; Odoo words it by what was done.
func (e *env) unknownField(model, name, doing string) *fault {
	if e.version < 19 {
		return valueError("Invalid field '%s' on model '%s'", name, model)
	}
	return valueError("Invalid field '%s' %s '%s'", name, doing, model)
}

// forbidden is the refusal of a whole model.
func (e *env) forbidden(def *modelDef, verb string) *fault {
	groups := []string{"Administration/Settings"}
	if def.sales {
		invoicing := "Invoicing/Invoicing"
		if e.version < 18 {
			invoicing = "Invoicing/Billing"
		}
		groups = []string{
			"Inventory/User", invoicing, "Sales/Administrator", "Sales/User: Own Documents Only",
			"Technical/Show Accounting Features - Readonly", "Technical/Show Full Accounting Features", "User types/Portal",
		}
		if e.version >= 19 {
			groups = []string{
				"Accounting/Invoicing", "Inventory/User", "Sales/Administrator", "Sales/User: Own Documents Only",
				"Role / Portal", "Show Accounting Features - Readonly", "Show Full Accounting Features",
			}
		}
	}
	return accessError("You are not allowed to %s '%s' (%s) records.\n\nThis operation is allowed for the following groups:\n\t- %s\n\n"+
		"Contact your administrator to request access if necessary.", verb, def.label, def.name, strings.Join(groups, "\n\t- "))
}

// ruled is the refusal of one record by a record rule.
func (e *env) ruled(def *modelDef, verb string) *fault {
	return accessError("Uh-oh! Looks like you have stumbled upon some top-secret records.\n\n"+
		"Sorry, %s (id=%d) doesn't have '%s' access to:\n- %s (%s)\n\n"+
		"If you really, really need access, perhaps you can win over your friendly administrator with a batch of freshly baked cookies.",
		e.user.name, e.user.id, verb, def.label, def.name)
}
