package migrate

import (
	"slices"
	"strings"

	"github.com/tdewolff/parse/v2/js"
)

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
	if n.Op == js.AndToken {
		return t.choose(n.X, n.Y, n.X)
	}
	return t.choose(n.X, n.X, n.Y)
}
