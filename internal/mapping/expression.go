package mapping

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/types"
	"github.com/expr-lang/expr/vm"
	"github.com/shopspring/decimal"

	"github.com/orderlyhq/orderly/commerce"
	"github.com/orderlyhq/orderly/money"
)

// Expressions see a record under the names of its JSON form: order.bill_to.postal_code. Amounts and
// other decimals stay decimals: they can be compared and calculated with each other and with numbers.

var (
	orderType    = types.Map{"order": typeOf(reflect.TypeFor[commerce.Order]())}
	customerType = types.Map{"customer": typeOf(reflect.TypeFor[commerce.Customer]())}
)

// maxNodes bounds an expression's size.
const maxNodes = 500

type program struct {
	text string
	code *vm.Program
}

// compile checks an expression against the record's form.
func compile(text string, env types.Map, wantBool bool) (*program, *CompileError) {
	options := append([]expr.Option{expr.Env(env), expr.MaxNodes(maxNodes)}, decimals...)
	if wantBool {
		options = append(options, expr.AsBool())
	}
	code, err := expr.Compile(text, options...)
	if err != nil {
		if at, ok := errors.AsType[*file.Error](err); ok {
			return nil, &CompileError{Text: text, Message: at.Message, Line: at.Line, Column: at.Column + 1}
		}
		return nil, &CompileError{Text: text, Message: err.Error()}
	}
	return &program{text: text, code: code}, nil
}

// CompileError says where an expression is wrong and why.
type CompileError struct {
	Text         string // the expression
	Message      string
	Line, Column int // from 1; 0 where they are not known
}

func (e *CompileError) Error() string {
	if e.Column == 0 {
		return fmt.Sprintf("%q: %s", e.Text, e.Message)
	}
	return fmt.Sprintf("%q: %s (column %d)", e.Text, e.Message, e.Column)
}

// run evaluates the expression. Errors do not hold values of the record.
func (p *program) run(name string, record any) (any, error) {
	result, err := expr.Run(p.code, map[string]any{name: valueOf(reflect.ValueOf(record))})
	if err != nil {
		if at, ok := errors.AsType[*file.Error](err); ok {
			return nil, fmt.Errorf("the expression %q fails at column %d on this record", p.text, at.Column+1)
		}
		return nil, fmt.Errorf("the expression %q fails on this record", p.text)
	}
	return result, nil
}

// fields are expressions by the name of the field that they set.
type fields map[string]*program

func compileFields(path string, texts map[string]string, env types.Map) (fields, []Problem) {
	compiled := fields{}
	var problems []Problem
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		p, err := compile(texts[name], env, false)
		if err != nil {
			problems = append(problems, Problem{Path: path + "." + name, Message: err.Error(), At: err})
			continue
		}
		compiled[name] = p
	}
	return compiled, problems
}

func (f fields) values(name string, record any) (map[string]any, error) {
	if len(f) == 0 {
		return nil, nil
	}
	out := make(map[string]any, len(f))
	for _, field := range slices.Sorted(maps.Keys(f)) {
		value, err := f[field].run(name, record)
		if err != nil {
			return nil, fmt.Errorf("field %s: %w", field, err)
		}
		out[field] = plain(value)
	}
	return out, nil
}

// plain is a value as destinations take it: decimals and times as they stand, absent values as nil.
func plain(value any) any {
	if t, ok := value.(time.Time); ok && t.IsZero() {
		return nil
	}
	return value
}

var (
	decimalType = reflect.TypeFor[money.Decimal]()
	timeType    = reflect.TypeFor[time.Time]()
)

// typeOf describes a type of the model by its JSON names.
func typeOf(t reflect.Type) types.Type {
	switch {
	case t == decimalType || t == timeType:
		return types.TypeOf(reflect.Zero(t).Interface())
	case t.Kind() == reflect.Pointer:
		return typeOf(t.Elem())
	case t.Kind() == reflect.Slice:
		return types.Array(typeOf(t.Elem()))
	case t.Kind() == reflect.Map:
		return types.Map{types.Extra: types.String}
	case t.Kind() == reflect.Struct:
		m := types.Map{}
		for f := range t.Fields() {
			m[jsonName(f)] = typeOf(f.Type)
		}
		return m
	case t.Kind() == reflect.String:
		return types.String
	case t.Kind() == reflect.Bool:
		return types.Bool
	default:
		return types.Any
	}
}

// valueOf gives a record in the form that typeOf describes; what is absent is empty, not nil, so that
// an expression need not ask first.
func valueOf(v reflect.Value) any {
	t := v.Type()
	switch {
	case t == decimalType || t == timeType:
		return v.Interface()
	case t.Kind() == reflect.Pointer:
		if v.IsNil() {
			return valueOf(reflect.Zero(t.Elem()))
		}
		return valueOf(v.Elem())
	case t.Kind() == reflect.Slice:
		list := make([]any, v.Len())
		for i := range list {
			list[i] = valueOf(v.Index(i))
		}
		return list
	case t.Kind() == reflect.Map:
		m := make(map[string]any, v.Len())
		for key, value := range v.Seq2() {
			m[key.String()] = value.String()
		}
		return m
	case t.Kind() == reflect.Struct:
		m := make(map[string]any, t.NumField())
		for i := range t.NumField() {
			m[jsonName(t.Field(i))] = valueOf(v.Field(i))
		}
		return m
	case t.Kind() == reflect.String:
		return v.String()
	case t.Kind() == reflect.Bool:
		return v.Bool()
	default:
		return v.Interface()
	}
}

// jsonName is a field's name in JSON; money.Money writes its own JSON and has its names in lower case.
func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	if name == "" {
		return strings.ToLower(f.Name)
	}
	return name
}

// decimals lets operators work on decimals, and on a decimal and a number. A number in an expression
// is read as it is written, so no digit is lost.
var decimals = decimalOptions()

func decimalOptions() []expr.Option {
	type (
		d       = money.Decimal
		compare = func(a, b d) bool
		combine = func(a, b d) d
	)
	options := []expr.Option{
		expr.Function("decimal", func(params ...any) (any, error) { return money.ParseDecimal(params[0].(string)) }, new(func(string) d)),
	}
	add := func(operator, name string, result any, both func(a, b d) any) {
		call := func(params ...any) (any, error) {
			a, err := toDecimal(params[0])
			if err != nil {
				return nil, err
			}
			b, err := toDecimal(params[1])
			if err != nil {
				return nil, err
			}
			if operator == "/" && b.IsZero() {
				return nil, errors.New("division by zero")
			}
			return both(a, b), nil
		}
		var overloads []any
		switch result.(type) {
		case bool:
			overloads = []any{new(func(a, b d) bool), new(func(a d, b int) bool), new(func(a int, b d) bool), new(func(a d, b float64) bool), new(func(a float64, b d) bool)}
		default:
			overloads = []any{new(func(a, b d) d), new(func(a d, b int) d), new(func(a int, b d) d), new(func(a d, b float64) d), new(func(a float64, b d) d)}
		}
		options = append(options, expr.Function(name, call, overloads...), expr.Operator(operator, name))
	}
	for operator, f := range map[string]compare{
		"==": d.Equal, "<": d.LessThan, "<=": d.LessThanOrEqual, ">": d.GreaterThan, ">=": d.GreaterThanOrEqual,
		"!=": func(a, b d) bool { return !a.Equal(b) },
	} {
		add(operator, "decimal_"+operatorNames[operator], true, func(a, b d) any { return f(a, b) })
	}
	for operator, f := range map[string]combine{
		"+": d.Add, "-": d.Sub, "*": d.Mul,
		"/": func(a, b d) d { return a.DivRound(b, 16) },
	} {
		add(operator, "decimal_"+operatorNames[operator], decimal.Zero, func(a, b d) any { return f(a, b) })
	}
	return options
}

var operatorNames = map[string]string{
	"==": "equal", "!=": "different", "<": "less", "<=": "at_most", ">": "more", ">=": "at_least",
	"+": "add", "-": "subtract", "*": "multiply", "/": "divide",
}

func toDecimal(value any) (money.Decimal, error) {
	switch v := value.(type) {
	case money.Decimal:
		return v, nil
	case int:
		return decimal.NewFromInt(int64(v)), nil
	case float64:
		return decimal.NewFromFloat(v), nil // the shortest text that reads back as v: what was written
	}
	return money.Zero, fmt.Errorf("%T is no number", value)
}
