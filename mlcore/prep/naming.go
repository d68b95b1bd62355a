package prep

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
)

// The marks that keep fields apart from functions: a record may well have fields "year" or "count". No expression can write
// such names by itself.
const (
	fieldMark = "."
	absent    = ".absent()"
)

// A naming is the pass over an expression's tree that finds its fields. It gives each its mark, folds a.b.c and $env["a b"]
// to one field, makes == and the like of a missing field as valueless as < and + are, and % a function of any numbers.
type naming struct {
	fields map[string]int // how often each is read
	whole  int            // how often $env is used other than $env["field"]
	errs   []*file.Error
}

// Visit is called for each node after its children.
func (n *naming) Visit(node *ast.Node) {
	switch v := (*node).(type) {
	case *ast.VariableDeclaratorNode:
		n.failf(v, "let is not supported: write the value out")
	case *ast.IdentifierNode:
		if v.Value == "$env" {
			n.whole++
		} else {
			n.read(node, v.Value)
		}
	case *ast.MemberNode:
		n.member(node, v)
	case *ast.CallNode:
		n.call(v)
	case *ast.BinaryNode:
		if v.Operator == "%" { // which expr-lang has for whole numbers only; those of records are not
			ast.Patch(node, &ast.CallNode{Callee: &ast.IdentifierNode{Value: "mod"}, Arguments: []ast.Node{v.Left, v.Right}})
			return
		}
		n.compare(v)
	}
}

// read makes a node the reading of a field.
func (n *naming) read(node *ast.Node, field string) {
	n.fields[field]++
	ast.Patch(node, &ast.IdentifierNode{Value: fieldMark + field})
}

// member folds the reading of a field's member into the reading of a path.
func (n *naming) member(node *ast.Node, m *ast.MemberNode) {
	of, ok := m.Node.(*ast.IdentifierNode)
	property, constant := m.Property.(*ast.StringNode)
	switch {
	case !ok || !constant:
	case of.Value == "$env":
		n.whole--
		n.read(node, property.Value)
	case !strings.Contains(property.Value, "."):
		field := of.Value[len(fieldMark):]
		n.fields[field]--
		n.read(node, field+"."+property.Value)
	}
}

// call gives a function its name back, which was taken for a field's.
func (n *naming) call(c *ast.CallNode) {
	callee, ok := c.Callee.(*ast.IdentifierNode)
	if !ok {
		return
	}
	name := strings.TrimPrefix(callee.Value, fieldMark)
	n.fields[name]--
	callee.Value = name
	if !slices.Contains(functions, name) {
		n.failf(callee, "no function %q; there are expr-lang's own and %s", name, strings.Join(functions, ", "))
	}
}

func (n *naming) failf(at ast.Node, format string, args ...any) {
	n.errs = append(n.errs, &file.Error{Location: at.Location(), Message: fmt.Sprintf(format, args...)})
}

// problem returns what is wrong with the expression, nil for nothing.
func (n *naming) problem() *file.Error {
	if n.whole > 0 && len(n.errs) == 0 {
		return &file.Error{Message: `$env needs a field's name: $env["a b"]`}
	}
	if len(n.errs) > 0 {
		return n.errs[0]
	}
	return nil
}

// sorted returns the fields that are read.
func (n *naming) sorted() []string {
	maps.DeleteFunc(n.fields, func(_ string, times int) bool { return times <= 0 })
	return slices.Sorted(maps.Keys(n.fields))
}

// comparisons are the operators that would take a missing field for a value that differs from all others.
var comparisons = []string{"==", "!=", "in", "contains", "startsWith", "endsWith", "matches"}

// compare lets a comparison ask for a missing field only where that is said: x == nil, or x == "", which is the same.
func (n *naming) compare(b *ast.BinaryNode) {
	if !slices.Contains(comparisons, b.Operator) || emptyIsNil(&b.Left) || emptyIsNil(&b.Right) {
		return
	}
	require(&b.Left)
	require(&b.Right)
}

// emptyIsNil reports whether a node is nil, which the empty text becomes.
func emptyIsNil(node *ast.Node) bool {
	if s, ok := (*node).(*ast.StringNode); ok && s.Value == "" {
		ast.Patch(node, &ast.NilNode{})
	}
	_, ok := (*node).(*ast.NilNode)
	return ok
}

// require turns the reading of a field into field ?? absent(), which has no value where the field has none.
func require(node *ast.Node) {
	if field, ok := (*node).(*ast.IdentifierNode); ok {
		missing := &ast.CallNode{Callee: &ast.IdentifierNode{Value: absent}}
		ast.Patch(node, &ast.BinaryNode{Operator: "??", Left: field, Right: missing})
	}
}
