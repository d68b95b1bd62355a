package migrate

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/tdewolff/parse/v2/js"
)

// A translator writes JavaScript of one record as an expression.
type translator struct {
	record string            // the parameter
	fields map[string]string // by the names that a pattern gives them
	local  map[string]js.IExpr
	script *script
	depth  int
	open   int // above 0 inside of something that may be true where a comparison has no value
}

// An unclear error says which part of a function has no expression.
type unclear struct{ part string }

func (u unclear) Error() string { return "an expression cannot say " + oneLine(u.part) }

// filterOf returns the filter that a function of a record is.
func (s *script) filterOf(f *function) (string, error) {
	t, err := s.translator(f)
	if err != nil {
		return "", err
	}
	text, err := t.body(f.body.List, t.truth)
	if err != nil {
		return "", err
	}
	return text, nil
}

// mapOf returns the expressions of a function that adds fields to a record. Fields that stay as they are have none.
func (s *script) mapOf(f *function) (map[string]string, error) {
	t, err := s.translator(f)
	if err != nil {
		return nil, err
	}
	made, err := t.made(f.body.List)
	if err != nil {
		return nil, err
	}
	fields := make(map[string]string)
	for _, p := range made.List {
		if p.Spread {
			if name, ok := p.Value.(*js.Var); ok && (string(name.Data) == t.record || t.fields[string(name.Data)] == "…") {
				continue
			}
			return nil, unclear{"..." + source(p.Value)}
		}
		name, ok := propertyName(&p)
		if !ok {
			return nil, unclear{source(p)}
		}
		text, err := t.expression(p.Value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if text != fieldName(name) && name != "id" {
			fields[name] = text
		}
	}
	return fields, nil
}

func (s *script) translator(f *function) (*translator, error) {
	t := &translator{fields: make(map[string]string), local: make(map[string]js.IExpr), script: s}
	if len(f.params.List) != 1 || f.params.Rest != nil {
		return nil, unclear{"a function of " + strconv.Itoa(len(f.params.List)) + " values"}
	}
	switch b := f.params.List[0].Binding.(type) {
	case *js.Var:
		t.record = string(b.Data)
	case *js.BindingObject:
		if b.Rest != nil {
			t.fields[string(b.Rest.Data)] = "…"
		}
		for _, item := range b.List {
			v, ok := item.Value.Binding.(*js.Var)
			if !ok || item.Value.Default != nil {
				return nil, unclear{source(b)}
			}
			name := string(v.Data)
			if item.Key != nil && !item.Key.IsComputed() {
				name = strings.Trim(string(item.Key.Literal.Data), `'"`)
			}
			t.fields[string(v.Data)] = name
		}
	default:
		return nil, unclear{f.text}
	}
	return t, nil
}

// body returns what statements return: one expression, after constants and conditions.
func (t *translator) body(list []js.IStmt, as func(js.IExpr) (string, error)) (string, error) {
	for i, statement := range list {
		switch n := statement.(type) {
		case *js.ReturnStmt:
			if n.Value == nil {
				return "", unclear{"return without a value"}
			}
			return as(n.Value)
		case *js.ExprStmt: // "use strict" and the like do nothing
			return "", unclear{source(n)}
		case *js.VarDecl:
			if err := t.declare(n); err != nil {
				return "", err
			}
		case *js.IfStmt:
			return t.branches(n, list[i+1:], as)
		case *js.BlockStmt:
			return t.body(slices.Concat(n.List, list[i+1:]), as)
		default:
			return "", unclear{source(statement)}
		}
	}
	return "", unclear{"a function that returns nothing"}
}

func (t *translator) branches(n *js.IfStmt, rest []js.IStmt, as func(js.IExpr) (string, error)) (string, error) {
	t.open++
	condition, err := t.truth(n.Cond)
	t.open--
	if err != nil {
		return "", err
	}
	yes, err := t.body([]js.IStmt{n.Body}, as)
	if err != nil {
		return "", err
	}
	if n.Else != nil {
		rest = []js.IStmt{n.Else}
	}
	no, err := t.body(rest, as)
	switch {
	case err != nil:
		return "", err
	case yes == "false":
		return negated(condition) + " and " + side(no, " and "), nil
	case no == "false":
		return side(condition, " and ") + " and " + side(yes, " and "), nil
	}
	return choice(condition, yes, no), nil
}

func (t *translator) declare(n *js.VarDecl) error {
	for _, b := range n.List {
		v, ok := b.Binding.(*js.Var)
		if !ok || b.Default == nil || n.TokenType != js.ConstToken {
			return unclear{source(n)}
		}
		t.local[string(v.Data)] = b.Default
	}
	return nil
}

// made returns the object that a function returns.
func (t *translator) made(list []js.IStmt) (*js.ObjectExpr, error) {
	for _, statement := range list {
		switch n := statement.(type) {
		case *js.VarDecl:
			if err := t.declare(n); err != nil {
				return nil, err
			}
		case *js.ReturnStmt:
			e := n.Value
			for {
				group, ok := e.(*js.GroupExpr)
				if !ok {
					break
				}
				e = group.X
			}
			if o, ok := e.(*js.ObjectExpr); ok {
				return o, nil
			}
			return nil, unclear{source(n)}
		default:
			return nil, unclear{source(statement)}
		}
	}
	return nil, unclear{"a function that returns nothing"}
}

// truth returns an expression that is true where JavaScript takes e for true.
func (t *translator) truth(e js.IExpr) (string, error) {
	switch n := e.(type) {
	case *js.GroupExpr:
		return t.truth(n.X)
	case *js.UnaryExpr:
		if n.Op == js.NotToken {
			t.open++
			x, err := t.truth(n.X)
			t.open--
			return negated(x), err
		}
	case *js.BinaryExpr:
		if word, ok := map[js.TokenType]string{js.AndToken: " and ", js.OrToken: " or "}[n.Op]; ok {
			if n.Op == js.OrToken {
				t.open++
				defer func() { t.open-- }()
			}
			x, err := t.truth(n.X)
			if err != nil {
				return "", err
			}
			y, err := t.truth(n.Y)
			return side(x, word) + word + side(y, word), err
		}
	case *js.CallExpr:
		if source(n.X) == "Boolean" && len(n.Args.List) == 1 {
			return t.truth(n.Args.List[0].Value)
		}
	}
	text, err := t.expression(e)
	if err != nil || t.boolean(e) {
		return text, err
	}
	return "not ((" + text + " ?? false) in [0, false])", nil
}

// negated returns what is true where x is not.
func negated(x string) string {
	if inner, ok := strings.CutPrefix(x, "not "); ok && closes(inner) {
		return strings.TrimSuffix(strings.TrimPrefix(inner, "("), ")")
	}
	if strings.HasPrefix(x, "(") && closes(x) {
		return "not " + x
	}
	return "not (" + x + ")"
}

// side returns one side of "and" or "or", between parentheses where it binds less than that.
func side(x, word string) string {
	for _, weaker := range []string{" ? ", " ?? ", " or "} {
		if strings.Contains(x, weaker) && weaker != word {
			return grouped(x)
		}
	}
	return x
}

// boolean reports whether an expression gives true or false.
func (t *translator) boolean(e js.IExpr) bool {
	switch n := e.(type) {
	case *js.GroupExpr:
		return t.boolean(n.X)
	case *js.LiteralExpr:
		return n.TokenType == js.TrueToken || n.TokenType == js.FalseToken
	case *js.UnaryExpr:
		return n.Op == js.NotToken
	case *js.BinaryExpr:
		switch n.Op {
		case js.AndToken, js.OrToken:
			return t.boolean(n.X) && t.boolean(n.Y)
		}
		return compares[n.Op] != ""
	case *js.CallExpr:
		name := source(n.X)
		return slices.ContainsFunc([]string{"includes", "startsWith", "endsWith", "isNaN", "isFinite", "isInteger", "Boolean"},
			func(word string) bool { return strings.HasSuffix(name, word) })
	}
	return false
}

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
		return t.conditional(n)
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

// guarded returns a comparison that is what JavaScript takes it for where a field is missing: false, or true for !=. An
// expression has no value then, and a filter without a value is false: that is the same but inside of or and not.
func (t *translator) guarded(n *js.BinaryExpr, text string) string {
	unequal := compares[n.Op] == "!="
	if t.open == 0 && !unequal {
		return text
	}
	guard := new(guards)
	guard.translator = t
	js.Walk(guard, n)
	for _, field := range guard.fields {
		if unequal {
			text = field + " == nil or " + text
		} else {
			text = field + " != nil and " + text
		}
	}
	if len(guard.fields) > 0 {
		return "(" + text + ")"
	}
	return text
}

// guards are the fields that a comparison has no value without.
type guards struct {
	*translator
	fields []string
}

// Enter implements js.IVisitor.
func (g *guards) Enter(n js.INode) js.IVisitor {
	if e, ok := n.(js.IExpr); ok {
		if path, ok := g.path(e); ok {
			if name := fieldName(path); !slices.Contains(g.fields, name) {
				g.fields = append(g.fields, name)
			}
			return nil
		}
	}
	switch n := n.(type) {
	case *js.Var:
		if v := g.local[string(n.Data)]; v != nil && v != js.IExpr(n) {
			js.Walk(g, v)
		}
	case *js.BinaryExpr:
		if n.Op == js.NullishToken || n.Op == js.OrToken || n.Op == js.AndToken { // which say themselves what is missing
			return nil
		}
	case *js.CondExpr:
		return nil
	}
	return g
}

// Exit implements js.IVisitor.
func (*guards) Exit(js.INode) {}

// logical returns a && b and a || b, which give one of their sides.
func (t *translator) logical(n *js.BinaryExpr) (string, error) {
	if t.boolean(n) {
		return t.truth(n)
	}
	t.open++
	condition, err := t.truth(n.X)
	t.open--
	if err != nil {
		return "", err
	}
	x, err := t.expression(n.X)
	if err != nil {
		return "", err
	}
	y, err := t.expression(n.Y)
	if n.Op == js.AndToken {
		x, y = y, x
	}
	return choice(condition, x, y), err
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

func (t *translator) conditional(n *js.CondExpr) (string, error) {
	t.open++
	c, err := t.truth(n.Cond)
	t.open--
	if err != nil {
		return "", err
	}
	x, err := t.expression(n.X)
	if err != nil {
		return "", err
	}
	y, err := t.expression(n.Y)
	return choice(c, x, y), err
}

func choice(condition, x, y string) string {
	if strings.ContainsAny(condition, "?") {
		condition = grouped(condition)
	}
	return condition + " ? " + grouped(x) + " : " + grouped(y)
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

// grouped puts an expression that has several parts between parentheses.
func grouped(text string) string {
	if _, err := strconv.ParseFloat(text, 64); err == nil || isWord(strings.ReplaceAll(text, ".", "_")) || closes(text) {
		return text
	}
	if _, err := strconv.Unquote(text); err == nil {
		return text
	}
	return "(" + text + ")"
}

// closes reports whether a text is one pair of brackets, with a name before it or none.
func closes(text string) bool {
	from := strings.IndexAny(text, "([")
	if from < 0 || from > 0 && text[0] != '$' && !isWord(text[:from]) {
		return false
	}
	depth, quoted := 0, false
	for i, r := range text[from:] {
		switch {
		case r == '"' && text[from+i-1] != '\\':
			quoted = !quoted
		case quoted:
		case r == '(' || r == '[':
			depth++
		case r == ')' || r == ']':
			depth--
		}
		if depth == 0 {
			return from+i == len(text)-1
		}
	}
	return false
}

// Words that mean something else in expressions.
var reserved = []string{"in", "not", "and", "or", "let", "if", "else", "true", "false", "nil", "matches", "contains", "startsWith", "endsWith"}

// fieldName returns a field as expressions name it.
func fieldName(path string) string {
	first, rest, nested := strings.Cut(path, ".")
	if !isWord(first) || slices.Contains(reserved, first) || nested && !isWord(strings.ReplaceAll(rest, ".", "_")) {
		return "$env[" + strconv.Quote(path) + "]"
	}
	return path
}

func isWord(name string) bool {
	for i, r := range name {
		if r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}

// sortedKeys returns the keys of a map, sorted.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
