package prep

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"
)

// What expressions mean, beyond expr-lang's definition:
//
//   - A name is a field of the record; a.b is a member of the object a, and $env["a b"] a field whose name is no word. Fields
//     and functions may have the same name.
//   - An empty text and null are a missing field. Whatever computes with a missing field or compares it has no value: a
//     filter is false then, a mapped field missing. x == nil asks whether x is missing, and x ?? 0 replaces it.
//   - A filter and all expressions of map see the record as it was stored, not each other's results.
//   - Nothing depends on when or where it is evaluated: there is no now().

// What an expression may cost. A filter of a person has some dozens of nodes.
const (
	maxNodes  = 2000    // of its tree
	maxMemory = 100_000 // elements it may make in one evaluation
)

// A program is a compiled expression. It is never changed, and any number of evaluators may run it.
type program struct {
	text   string
	code   *vm.Program
	fields []string // that it reads, as paths for Record.At; sorted

	loops   int // one within the other, at most
	longest int // elements of the longest list that is its own
}

// programs holds what was compiled, by text: the same few filters are asked for with every batch.
var programs sync.Map // of string: *program

// compile returns the program of an expression, or what is wrong with it and where.
func compile(text string) (*program, error) {
	if known, ok := programs.Load(text); ok {
		p, _ := known.(*program)
		return p, nil
	}
	names := &naming{fields: map[string]int{}}
	options := append(withFunctions(), expr.Env(map[string]any{}), expr.AllowUndefinedVariables(),
		expr.MaxNodes(maxNodes), expr.DisableBuiltin("now"), expr.Patch(names))
	code, err := expr.Compile(text, options...)
	if problem := names.problem(); problem != nil { // it names the cause where err has only the consequence
		err = problem.Bind(file.NewSource(text))
	}
	if err != nil {
		return nil, located(err)
	}
	p := &program{text: text, code: code, fields: names.sorted()}
	p.loops, p.longest = loopsOf(code)
	programs.Store(text, p)
	return p, nil
}

// isBool reports whether the expression gives a boolean, as far as can be said without a record.
func (p *program) isBool() bool {
	t := p.code.Node().Type()
	return t == nil || t.Kind() == reflect.Bool || t.Kind() == reflect.Interface
}

// located returns an error of expr-lang in one line: "unexpected token at line 1, column 9".
func located(err error) error {
	at, ok := errors.AsType[*file.Error](err)
	if !ok {
		return errors.New(strings.Join(strings.Fields(err.Error()), " "))
	}
	return fmt.Errorf("%s at line %d, column %d", at.Message, at.Line, at.Column+1)
}

// An evaluator runs programs, one row after the other. It is for one goroutine at a time.
type evaluator struct {
	vm  vm.VM
	env map[string]any // what the program reads, by marked names
}

// run evaluates p for the record whose fields at returns. Its error is errAbsent where p computes with a missing field, and
// otherwise tells what went wrong in one line.
func (e *evaluator) run(p *program, at func(field string) any) (any, error) {
	if e.env == nil {
		e.env = make(map[string]any)
		e.vm.MemoryBudget = maxMemory
	}
	clear(e.env)
	lacks := false
	for _, f := range p.fields {
		v := at(f)
		if v == "" {
			v = nil
		}
		e.env[fieldMark+f] = v
		lacks = lacks || v == nil
	}
	if p.tooLong(e.env) {
		return nil, errTooManyRounds
	}
	v, err := e.vm.Run(p.code, e.env)
	switch {
	case err == nil:
		return v, nil
	case lacks: // nil + 1 and the like
		return nil, errAbsent
	}
	if where, ok := errors.AsType[*file.Error](err); ok {
		err = errors.New(where.Message)
	}
	return nil, fmt.Errorf("%w%s", err, e.seen(p))
}

// seen tells what the program's fields were, for an error.
func (e *evaluator) seen(p *program) string {
	s := ""
	for i, f := range p.fields {
		if i == 3 { // enough to understand it
			return s + ", …"
		}
		s += fmt.Sprintf(", %s is %s", f, cellOf(e.env[fieldMark+f]))
	}
	return s
}
