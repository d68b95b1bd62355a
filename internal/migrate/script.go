package migrate

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/tdewolff/parse/v2"
	"github.com/tdewolff/parse/v2/js"

	"retrain"
)

// An object is an object literal: its members in their order, with float64, string, bool, nil, []any, *object, *function and
// unknown as values.
type object struct {
	names  []string
	values map[string]any
}

// A function is one that was written down; expression.go makes an expression of it where it is simple.
type function struct {
	params js.Params
	body   js.BlockStmt
	text   string
}

// unknown is JavaScript that has no value without being run.
type unknown string

// A Plugin is what MLPlugin was told.
type Plugin struct {
	name    string // of the file, for people
	options *object
	models  *object
	script  *script
}

// A script is a file that was parsed.
type script struct {
	constants map[string]js.IExpr
	depth     int
}

// ReadPlugin reads the options of MLPlugin, or its models alone, from JSON or from JavaScript: the argument of new MLPlugin(…)
// wherever that stands in the file, or what the file exports. The file is not run. What is none is a ModelConfigError that
// names the file.
func ReadPlugin(name string, text []byte) (*Plugin, error) {
	readable := text
	if json.Valid(text) || bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) { // else it would be a block of statements
		readable = slices.Concat([]byte("("), text, []byte("\n)"))
	}
	tree, err := js.Parse(parse.NewInputBytes(slices.Clone(readable)), js.Options{})
	if err != nil {
		first, _, _ := strings.Cut(err.Error(), "\n")
		return nil, retrain.Errorf(retrain.ModelConfigError, "%s: %s", name, first).WithHint("it must be JSON or JavaScript: the types of TypeScript have to go")
	}
	found := &finder{constants: make(map[string]js.IExpr)}
	js.Walk(found, tree)
	s := &script{constants: found.constants}
	for _, e := range slices.Concat(found.plugins, found.exports) {
		o, ok := s.value(e).(*object)
		if !ok {
			continue
		}
		if models, ok := o.values["models"].(*object); ok {
			return &Plugin{name: name, options: o, models: models, script: s}, nil
		}
		if isModels(o) {
			return &Plugin{name: name, options: &object{}, models: o, script: s}, nil
		}
	}
	return nil, retrain.Errorf(retrain.ModelConfigError, "%s: neither new MLPlugin({models: …}) nor an object with models is in it", name)
}

// isModels reports whether an object has nothing but models in it.
func isModels(o *object) bool {
	for _, v := range o.values {
		m, ok := v.(*object)
		if !ok || m.values["resource"] == nil || m.values["target"] == nil {
			return false
		}
	}
	return len(o.names) > 0
}

// A finder walks a file for what may be options.
type finder struct {
	constants map[string]js.IExpr // by name; the first of each
	plugins   []js.IExpr          // the arguments of new MLPlugin
	exports   []js.IExpr
}

// Enter implements js.IVisitor.
func (f *finder) Enter(n js.INode) js.IVisitor {
	switch n := n.(type) {
	case *js.NewExpr:
		if name := source(n.X); (name == "MLPlugin" || strings.HasSuffix(name, ".MLPlugin")) && n.Args != nil && len(n.Args.List) > 0 {
			f.plugins = append(f.plugins, n.Args.List[0].Value)
		}
	case *js.VarDecl:
		for _, b := range n.List {
			if v, ok := b.Binding.(*js.Var); ok && b.Default != nil && f.constants[string(v.Data)] == nil {
				f.constants[string(v.Data)] = b.Default
			}
		}
	case *js.ExportStmt:
		if n.Default {
			f.exports = append(f.exports, n.Decl)
		}
	case *js.ExprStmt:
		f.exports = append(f.exports, n.Value)
	case *js.BinaryExpr: // module.exports = …
		if n.Op == js.EqToken && strings.Contains(source(n.X), "exports") {
			f.exports = append(f.exports, n.Y)
		}
	}
	return f
}

// Exit implements js.IVisitor.
func (*finder) Exit(js.INode) {}

// source returns a part of a file as it would be written.
func source(n interface{ JS(w io.Writer) }) string {
	var b strings.Builder
	n.JS(&b)
	return b.String()
}

// How deep constants may stand in constants: one may name itself.
const deepest = 50

// value returns what an expression is, as far as that can be said without running it.
func (s *script) value(e js.IExpr) any {
	if s.depth++; s.depth > deepest {
		s.depth--
		return unknown(source(e))
	}
	defer func() { s.depth-- }()
	switch e := e.(type) {
	case *js.GroupExpr:
		return s.value(e.X)
	case *js.LiteralExpr:
		return literal(e)
	case *js.TemplateExpr:
		if e.Tag == nil && len(e.List) == 0 {
			return strings.Trim(string(e.Tail), "`")
		}
	case *js.ArrayExpr:
		return s.list(e)
	case *js.ObjectExpr:
		return s.object(e)
	case *js.ArrowFunc:
		return &function{e.Params, e.Body, source(e)}
	case *js.FuncDecl:
		return &function{e.Params, e.Body, source(e)}
	case *js.MethodDecl:
		return &function{e.Params, e.Body, source(e)}
	case *js.Var:
		if string(e.Data) == "undefined" {
			return nil
		}
		if c := s.constants[string(e.Data)]; c != nil {
			return s.value(c)
		}
	case *js.UnaryExpr:
		if x, ok := s.value(e.X).(float64); ok && e.Op == js.NegToken {
			return -x
		}
		if x, ok := s.value(e.X).(bool); ok && e.Op == js.NotToken {
			return !x
		}
	case *js.BinaryExpr:
		x, isNumber := s.value(e.X).(float64)
		y, too := s.value(e.Y).(float64)
		if v, ok := computed(e.Op, x, y); ok && isNumber && too {
			return v
		}
	}
	return unknown(source(e))
}

// computed returns what people write to be understood: 24 * 60 * 60 * 1000.
func computed(op js.TokenType, x, y float64) (float64, bool) {
	switch op {
	case js.AddToken:
		return x + y, true
	case js.SubToken:
		return x - y, true
	case js.MulToken:
		return x * y, true
	case js.DivToken:
		return x / y, true
	case js.ExpToken:
		return math.Pow(x, y), true
	}
	return 0, false
}

func literal(e *js.LiteralExpr) any {
	text := string(e.Data)
	switch e.TokenType {
	case js.StringToken:
		return unquoted(text)
	case js.TrueToken:
		return true
	case js.FalseToken:
		return false
	case js.NullToken:
		return nil
	case js.DecimalToken, js.IntegerToken:
		if v, err := strconv.ParseFloat(strings.ReplaceAll(text, "_", ""), 64); err == nil {
			return v
		}
	case js.HexadecimalToken, js.OctalToken, js.BinaryToken:
		if v, err := strconv.ParseInt(text, 0, 64); err == nil {
			return float64(v)
		}
	}
	return unknown(text)
}

// unquoted returns the text of a literal between ' or ".
func unquoted(text string) string {
	inner := text[1 : len(text)-1]
	if text[0] == '\'' {
		inner = strings.ReplaceAll(strings.ReplaceAll(inner, `\'`, "'"), `"`, `\"`)
	}
	if v, err := strconv.Unquote(`"` + inner + `"`); err == nil {
		return v
	}
	return text[1 : len(text)-1]
}

func (s *script) list(e *js.ArrayExpr) any {
	list := make([]any, 0, len(e.List))
	for _, element := range e.List {
		if element.Value == nil {
			continue
		}
		v := s.value(element.Value)
		if inner, ok := v.([]any); ok && element.Spread {
			list = append(list, inner...)
		} else {
			list = append(list, v)
		}
	}
	return list
}

func (s *script) object(e *js.ObjectExpr) *object {
	o := &object{values: make(map[string]any)}
	for _, p := range e.List {
		if p.Spread {
			if other, ok := s.value(p.Value).(*object); ok {
				for _, name := range other.names {
					o.set(name, other.values[name])
				}
			} else {
				o.set("..."+source(p.Value), unknown(source(p.Value)))
			}
			continue
		}
		if name, ok := propertyName(&p); ok {
			o.set(name, s.value(p.Value))
		}
	}
	return o
}

// propertyName returns the name of a member; a method has it in itself.
func propertyName(p *js.Property) (string, bool) {
	name := p.Name
	if m, ok := p.Value.(*js.MethodDecl); ok {
		name = &m.Name.PropertyName
	}
	if name == nil || name.IsComputed() {
		return "", false
	}
	if name.Literal.TokenType == js.StringToken {
		return unquoted(string(name.Literal.Data)), true
	}
	return string(name.Literal.Data), true
}

func (o *object) set(name string, v any) {
	if _, known := o.values[name]; !known {
		o.names = append(o.names, name)
	}
	o.values[name] = v
}

// objectOf reads JSON as an object.
func objectOf(text []byte) (*object, bool) {
	p, err := js.Parse(parse.NewInputBytes(slices.Concat([]byte("("), text, []byte("\n)"))), js.Options{})
	if err != nil || len(p.List) != 1 {
		return nil, false
	}
	e, ok := p.List[0].(*js.ExprStmt)
	if !ok {
		return nil, false
	}
	o, ok := new(script).value(e.Value).(*object)
	return o, ok
}
