package mlcore

import (
	"maps"
	"math"
	"slices"
	"testing"
)

// The figures are those of scikit-learn 1.9: r2_score, mean_absolute_percentage_error, precision_recall_fscore_support,
// roc_auc_score (one versus rest, macro) and log_loss.
func TestMetrics(t *testing.T) {
	numbers := judgeNumbers([]float64{3, -0.5, 2, 7}, []float64{2.5, 0, 2, 8}, []float64{2, 2, 2, 2})
	compareMetrics(t, numbers, map[string]float64{"mse": 0.375, "mae": 0.5, "rmse": 0.6123724, "r2": 0.9486081, "mape": 32.7380952,
		"baselineMae": 2.125, "baselineRmse": 2.8394542})

	two := [][]float64{{0.9, 0.1}, {0.4, 0.6}, {0.35, 0.65}, {0.2, 0.8}, {0.55, 0.45}}
	got, confusion := judgeClasses([]int{0, 0, 1, 1, 1}, two, 1)
	compareMetrics(t, got, map[string]float64{"loss": 0.4948171, "accuracy": 0.6, "precision": 2.0 / 3, "recall": 2.0 / 3, "f1": 2.0 / 3,
		"auc": 5.0 / 6, "baselineAccuracy": 0.6})
	if want := [][]int{{1, 1}, {1, 2}}; !slices.EqualFunc(confusion, want, slices.Equal) {
		t.Errorf("got %v, want %v", confusion, want)
	}

	three := [][]float64{{0.7, 0.2, 0.1}, {0.1, 0.8, 0.1}, {0.3, 0.3, 0.4}, {0.2, 0.5, 0.3}}
	got, _ = judgeClasses([]int{0, 1, 2, 2}, three, 2)
	compareMetrics(t, got, map[string]float64{"loss": 0.6750205, "accuracy": 0.75, "precision": 2.5 / 3, "recall": 2.5 / 3, "f1": 7.0 / 9,
		"auc": 1, "baselineAccuracy": 0.5})
}

func TestMetricsOfWhatDoesNotVary(t *testing.T) {
	same := []float64{5, 5}
	if got := judgeNumbers(same, same, same)["r2"]; got != 1 {
		t.Errorf("got R² %v of what was hit", got)
	}
	if got := judgeNumbers(same, []float64{4, 6}, same)["r2"]; got != 0 {
		t.Errorf("got R² %v of what was missed", got)
	}
	if _, ok := judgeNumbers([]float64{0, 0}, same, same)["mape"]; ok {
		t.Error("zeros have a share")
	}
}

func TestConformal(t *testing.T) {
	truth := make([]float64, 9)
	predicted := []float64{1, -2, 3, -4, 5, -6, 7, -8, 9}
	if half, ok := conformal(truth, predicted, 0.9); !ok || half != 9 {
		t.Errorf("got %v, %v", half, ok)
	}
	if _, ok := conformal(truth[:8], predicted[:8], 0.9); ok {
		t.Error("8 rows are too few for 0.9")
	}
}

func compareMetrics(t *testing.T, got, want map[string]float64) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if math.Abs(got[name]-want[name]) > 1e-6 {
			t.Errorf("%s: got %.7f, want %.7f", name, got[name], want[name])
		}
	}
	if len(got) != len(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
