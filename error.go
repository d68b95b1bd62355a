package retrain

import (
	"errors"
	"fmt"
)

// A Code names a class of error for programs. It is itself an error, so that errors.Is(err, ModelNotFoundError) asks for
// the class. Codes are part of the CLI's and HTTP's contract: never change one.
type Code string

// The classes of error. Every one is an MLError.
const (
	MLError                   Code = "MLError"
	ModelConfigError          Code = "ModelConfigError"          // a model, a resource or retrain.yaml says something that cannot be
	TrainingError             Code = "TrainingError"             // a fit went wrong: it diverged, its data cannot be learnt
	PredictionError           Code = "PredictionError"           // a champion exists, but could not answer
	ModelNotFoundError        Code = "ModelNotFoundError"        // no model of that name was applied
	ModelNotTrainedError      Code = "ModelNotTrainedError"      // the model has no version yet
	DataValidationError       Code = "DataValidationError"       // records or a request that are not what they must be
	InsufficientDataError     Code = "InsufficientDataError"     // fewer rows than a training needs
	TensorFlowDependencyError Code = "TensorFlowDependencyError" // libtensorflow or its device is missing
	NotFoundError             Code = "NotFoundError"             // a resource, run, version or object that does not exist
	ConflictError             Code = "ConflictError"             // somebody else was first
	UnavailableError          Code = "UnavailableError"          // Redis, S3 or a worker does not answer; try again
	OverloadedError           Code = "OverloadedError"           // more is asked than can be answered; ask less, or later
)

// Error returns the code, which makes it a sentinel.
func (c Code) Error() string { return string(c) }

// An Error is what people are shown: what is wrong, where, and what to do about it.
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`  // what to do about it
	Needs   int    `json:"needs,omitempty"` // rows missing to the minimum, of an InsufficientDataError
	Err     error  `json:"-"`               // the cause, for the log
}

// Error returns "Code: message".
func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is the error's code, or MLError, which every code is.
func (e *Error) Is(target error) bool { return target == e.Code || target == MLError }

// Errorf returns an Error whose message is formatted as by fmt.Errorf; what %w wraps becomes the cause.
func Errorf(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Message: err.Error(), Err: errors.Unwrap(err)}
}

// WithHint returns e with an advice.
func (e *Error) WithHint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// CodeOf returns the code of the first Error in err's chain, and MLError where there is none.
func CodeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	if c, ok := errors.AsType[Code](err); ok {
		return c
	}
	return MLError
}
