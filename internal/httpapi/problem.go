package httpapi

import (
	"errors"
	"log/slog"
	"net/http"

	"retrain"
	"retrain/api"
)

// A refuser answers a request with an error, in the words of a dialect.
type refuser func(w http.ResponseWriter, r *http.Request, err error)

// titles say in a few words what the classes of errors mean.
var titles = map[retrain.Code]string{
	retrain.ModelConfigError:          "A declaration cannot be",
	retrain.TrainingError:             "A training went wrong",
	retrain.PredictionError:           "A version could not answer",
	retrain.ModelNotFoundError:        "No such model",
	retrain.ModelNotTrainedError:      "The model has no version yet",
	retrain.DataValidationError:       "The request is not what it must be",
	retrain.InsufficientDataError:     "Too few rows",
	retrain.TensorFlowDependencyError: "TensorFlow is missing",
	retrain.NotFoundError:             "Nothing is there",
	retrain.ConflictError:             "Not possible as things stand",
	retrain.UnavailableError:          "Something does not answer; try again",
	retrain.OverloadedError:           "Too much at once; come again later",
	retrain.MLError:                   "Something went wrong",
}

// problems returns what answers errors as RFC 9457 has it.
func problems(log *slog.Logger) refuser {
	return func(w http.ResponseWriter, r *http.Request, err error) {
		code, e, ok := outcome(w, r, log, err)
		if !ok {
			return
		}
		p := api.Problem{Type: "/docs#" + string(e.Code), Title: titles[e.Code], Status: code, Detail: e.Message, Error: e.Message, Code: e.Code, Hint: e.Hint, Needs: e.Needs}
		if records, ok := errors.AsType[recordErrors](err); ok {
			p.Errors = records.list
		}
		answerAs(w, code, "application/problem+json", p)
	}
}

// dialects returns what answers errors as TensorFlow Serving does, whose clients read "error" alone.
func dialects(log *slog.Logger) refuser {
	return func(w http.ResponseWriter, r *http.Request, err error) { refuse(w, r, log, err) }
}

// recordErrors says what is wrong with the records of a request.
type recordErrors struct {
	error

	list []api.RecordError
}

func (e recordErrors) Unwrap() error { return e.error }
