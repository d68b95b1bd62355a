package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"retrain"
)

// A usageError is a command line that cannot be understood. It ends the program with 2.
type usageError struct{ message, hint string }

func (u *usageError) Error() string { return u.message }

func usage(format string, args ...any) *usageError {
	return &usageError{message: fmt.Sprintf(format, args...)}
}

func (u *usageError) hinted(hint string) *usageError {
	u.hint = hint
	return u
}

// A failure is an error as it is shown.
type failure struct {
	Code    retrain.Code `json:"code"`
	Message string       `json:"message"`
	Hint    string       `json:"hint,omitempty"`
}

// report shows an error on stderr, with --json on stdout as well, and returns the exit code.
func (p *program) report(ctx context.Context, err error, asJSON bool) int {
	f, exit := describe(err), 1
	if ctx.Err() != nil {
		f = failure{Code: retrain.MLError, Message: "interrupted"}
		if further := hintOf(err); further != "" {
			f.Hint = further
		}
	}
	if u, ok := errors.AsType[*usageError](err); ok {
		f, exit = failure{"UsageError", u.message, u.hint}, 2
	}
	if errors.Is(err, errSaid) {
		return exit
	}
	fmt.Fprintf(p.Stderr, "%s: %s\n", f.Code, f.Message)
	if f.Hint != "" {
		fmt.Fprintf(p.Stderr, "hint: %s\n", f.Hint)
	}
	if asJSON {
		_ = json.NewEncoder(p.Stdout).Encode(map[string]failure{"error": f}) // there is nobody else to tell
	}
	return exit
}

// errSaid ends the program with 1 when everything has been said.
var errSaid = errors.New("said")

// describe puts the class first, whatever was wrapped around it: "UnavailableError: request price-3: redis …".
func describe(err error) failure {
	code := retrain.CodeOf(err)
	message := strings.ReplaceAll(err.Error(), string(code)+": ", "")
	return failure{Code: code, Message: message, Hint: hintOf(err)}
}

func hintOf(err error) string {
	for ; err != nil; err = errors.Unwrap(err) {
		if e, ok := errors.AsType[*retrain.Error](err); ok {
			if e.Hint != "" {
				return e.Hint
			}
			err = e
		}
	}
	return ""
}
