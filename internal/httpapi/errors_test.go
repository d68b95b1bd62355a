package httpapi

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"retrain"
)

// The page about errors has every one, with the status that it is answered with.
func TestErrorsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range []retrain.Code{
		retrain.MLError, retrain.ModelConfigError, retrain.TrainingError, retrain.PredictionError, retrain.ModelNotFoundError,
		retrain.ModelNotTrainedError, retrain.DataValidationError, retrain.InsufficientDataError, retrain.TensorFlowDependencyError,
		retrain.NotFoundError, retrain.ConflictError, retrain.UnavailableError, retrain.OverloadedError,
	} {
		if row := fmt.Sprintf("\n| `%s` | %d |", code, status(retrain.Errorf(code, "x"))); !strings.Contains(string(page), row) {
			t.Errorf("docs/errors.md lacks %q", row)
		}
	}
}
