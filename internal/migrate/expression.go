package migrate

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tdewolff/parse/v2/js"
)

// What compares, and what computes.
var (
	compares = map[js.TokenType]string{js.LtToken: "<", js.LtEqToken: "<=", js.GtToken: ">", js.GtEqToken: ">=",
		js.EqEqToken: "==", js.EqEqEqToken: "==", js.NotEqToken: "!=", js.NotEqEqToken: "!="}
	computes = map[js.TokenType]string{js.AddToken: "+", js.SubToken: "-", js.MulToken: "*", js.DivToken: "/", js.ModToken: "%",
		js.ExpToken: "**", js.NullishToken: "??"}
)

// How deep an expression may be.
const deepestExpression = 200

// expression returns e as an expression.
func (t *translator) expression(e js.IExpr) (string, error) {
	if t.depth++; t.depth > deepestExpression {
		return "", unclear{"anything nested so deeply"}
	}
	defer func() { t.depth-- }()
	if path, ok := t.path(e); ok {
		return fieldName(path), nil
	}
	if v, ok := t.script.value(e).(float64); ok {
		return constant(e, v)
	}
	switch n := e.(type) {
	case *js.GroupExpr:
		return t.expression(n.X)
	case *js.UnaryExpr:
		return t.unary(n)
	case *js.BinaryExpr:
		return t.binary(n)
	case *js.CondExpr:
		return t.choose(n.Cond, n.X, n.Y)
	case *js.CallExpr:
		return t.call(n)
	case *js.DotExpr:
		if x, err := t.expression(n.X); err == nil && source(n.Y) == "length" {
			return "len(" + x + ")", nil
		}
	case *js.Var:
		if v := t.local[string(n.Data)]; v != nil {
			text, err := t.expression(v)
			return grouped(text), err
		}
	}
	return constant(e, t.script.value(e))
}

// constant returns a value as an expression has it.
func constant(e js.IExpr, v any) (string, error) {
	switch v := v.(type) {
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	case string:
		return strconv.Quote(v), nil
	case bool:
		return strconv.FormatBool(v), nil
	case nil:
		return "nil", nil
	case []any:
		texts := make([]string, len(v))
		for i, one := range v {
			var err error
			if texts[i], err = constant(e, one); err != nil {
				return "", err
			}
		}
		return "[" + strings.Join(texts, ", ") + "]", nil
	}
	return "", unclear{source(e)}
}

// path returns the field that an expression names: record.a.b, record["a"], or a name of the pattern.
func (t *translator) path(e js.IExpr) (string, bool) {
	inner := func(x, y js.IExpr) (string, bool) {
		member := strings.Trim(source(y), `'"`)
		if v, ok := x.(*js.Var); ok && t.record != "" && string(v.Data) == t.record {
			return member, true
		}
		base, ok := t.path(x)
		return base + "." + member, ok && member != "length"
	}
	switch n := e.(type) {
	case *js.DotExpr:
		return inner(n.X, n.Y)
	case *js.IndexExpr:
		if name, ok := n.Y.(*js.LiteralExpr); ok && name.TokenType == js.StringToken {
			return inner(n.X, name)
		}
	case *js.Var:
		name, ok := t.fields[string(n.Data)]
		return name, ok && name != "…"
	}
	return "", false
}

func (t *translator) unary(n *js.UnaryExpr) (string, error) {
	switch n.Op {
	case js.NotToken:
		return t.truth(n)
	case js.TypeofToken:
		return "", unclear{source(n)}
	case js.NegToken, js.PosToken:
		x, err := t.expression(n.X)
		if n.Op == js.PosToken {
			return "float(" + x + ")", err
		}
		return "-" + grouped(x), err
	}
	return "", unclear{source(n)}
}

func (t *translator) binary(n *js.BinaryExpr) (string, error) {
	if text, ok := t.typeTest(n); ok {
		return text, nil
	}
	if n.Op == js.AndToken || n.Op == js.OrToken {
		return t.logical(n)
	}
	word := compares[n.Op] + computes[n.Op]
	if word == "" {
		return "", unclear{source(n)}
	}
	x, err := t.expression(n.X)
	if err != nil {
		return "", err
	}
	y, err := t.expression(n.Y)
	text := grouped(x) + " " + word + " " + grouped(y)
	if compares[n.Op] != "" && x != "nil" && y != "nil" {
		text = t.guarded(n, text)
	}
	return text, err
}

// typeTest returns typeof x === "number" and its like.
func (t *translator) typeTest(n *js.BinaryExpr) (string, bool) {
	asked, ok := n.X.(*js.UnaryExpr)
	word, isText := t.script.value(n.Y).(string)
	if !ok || asked.Op != js.TypeofToken || !isText || !strings.HasSuffix("!="+compares[n.Op], "=") || len(compares[n.Op]) != 2 {
		return "", false
	}
	x, err := t.expression(asked.X)
	kinds := map[string]string{"number": `["int", "float"]`, "string": `["string"]`, "boolean": `["bool"]`, "undefined": `["nil"]`}[word]
	text := "type(" + x + ") in " + kinds
	if compares[n.Op] == "!=" {
		text = "not (" + text + ")"
	}
	return text, err == nil && kinds != ""
}

// choose returns condition ? yes : no.
func (t *translator) choose(condition, yes, no js.IExpr) (string, error) {
	t.open++
	c, err := t.truth(condition)
	t.open--
	if err != nil {
		return "", err
	}
	x, err := t.expression(yes)
	if err != nil {
		return "", err
	}
	y, err := t.expression(no)
	return choice(c, x, y), err
}

// Functions that have the same name here, after Math or by themselves; %s are their arguments.
var (
	calls = map[string]string{"Math.max": "max(%s)", "Math.min": "min(%s)", "Math.abs": "abs(%s)", "Math.floor": "floor(%s)", "Math.ceil": "ceil(%s)",
		"Math.round": "round(%s)", "Math.trunc": "int(%s)", "Math.pow": "pow(%s)", "Math.atan2": "atan2(%s)", "Number": "float(%s)",
		"parseFloat": "float(%s)", "String": "string(%s)", "Number.isFinite": `type(%s) in ["int", "float"]`,
		"Math.log": "log(%s)", "Math.log2": "log2(%s)", "Math.log10": "log10(%s)", "Math.log1p": "log1p(%s)", "Math.exp": "exp(%s)", "Math.sqrt": "sqrt(%s)",
		"Math.sin": "sin(%s)", "Math.cos": "cos(%s)", "Math.tan": "tan(%s)", "Math.tanh": "tanh(%s)", "Math.atan": "atan(%s)"}
	methods = map[string]string{"toLowerCase": "lower(%s)", "toUpperCase": "upper(%s)", "trim": "trim(%s)", "includes": "%s contains %s",
		"startsWith": "%s startsWith %s", "endsWith": "%s endsWith %s"}
	// Dates are read in UTC, whatever the machine's time zone was.
	dates = map[string]string{"getFullYear": "year(%s)", "getMonth": "(month(%s) - 1)", "getDate": "day(%s)", "getDay": "weekday(%s)",
		"getHours": "hour(%s)", "getMinutes": "minute(%s)", "getTime": "(unix(%s) * 1000)"}
)

func (t *translator) call(n *js.CallExpr) (string, error) {
	args := make([]string, len(n.Args.List))
	for i, a := range n.Args.List {
		var err error
		if args[i], err = t.expression(a.Value); err != nil || a.Rest {
			return "", unclear{source(n)}
		}
	}
	name := source(n.X)
	if form, ok := calls[name]; ok && len(args) > 0 {
		return fmt.Sprintf(form, strings.Join(args, ", ")), nil
	}
	dot, ok := n.X.(*js.DotExpr)
	if !ok {
		return "", unclear{source(n)}
	}
	method := source(dot.Y)
	if form, ok := dates[strings.Replace(method, "UTC", "", 1)]; ok && len(args) == 0 {
		if made, ok := dot.X.(*js.NewExpr); ok && source(made.X) == "Date" && made.Args != nil && len(made.Args.List) == 1 {
			x, err := t.expression(made.Args.List[0].Value)
			return fmt.Sprintf(form, x), err
		}
	}
	x, err := t.expression(dot.X)
	if err != nil {
		return "", err
	}
	if strings.HasPrefix(x, "[") && method == "includes" && len(args) == 1 {
		return grouped(args[0]) + " in " + x, nil
	}
	form, ok := methods[method]
	if !ok || len(args) != strings.Count(form, "%s")-1 {
		return "", unclear{source(n)}
	}
	all := []any{grouped(x)}
	for _, a := range args {
		all = append(all, grouped(a))
	}
	return fmt.Sprintf(form, all...), nil
}

// Words that mean something else in expressions.
var reserved = []string{"in", "not", "and", "or", "let", "if", "else", "true", "false", "nil", "matches", "contains", "startsWith", "endsWith"}
