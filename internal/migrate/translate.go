package migrate

import (
	"fmt"
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
