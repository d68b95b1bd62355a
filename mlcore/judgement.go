package mlcore

import (
	"context"

	"retrain"
	"retrain/mlcore/nn"
)

// judge measures the fit, and the champion beside it, on the holdout; on the learnt rows where nothing was held out.
func (f *fit) judge(ctx context.Context) error {
	rows := f.judged()
	answers, err := f.training.answer(ctx, rows, f.training.final())
	if err != nil {
		return err
	}
	if len(f.preparation.Targets[0].Classes) > 0 {
		f.judgeOwnClasses(rows, distributions(answers, f.training.plan.network.Width()))
	} else {
		predicted := f.unscaled(answers)
		f.result.Metrics = f.judgeTargets(rows, predicted)
		f.diagnose(f.truths(rows), predicted)
		if half, ok := conformal(f.truths(rows), predicted, conformalLevel); ok && len(f.data.Holdout) > 0 && len(f.preparation.Targets) == 1 {
			f.details.Interval = &Interval{conformalLevel, half}
		}
	}
	if f.Champion.Dir == "" {
		return nil
	}
	f.result.Champion, err = f.judgeChampion(ctx, rows)
	return err
}

// mostJudged bounds the numbers that metrics are computed from: of a million rows, each is as exact as anybody could want.
const mostJudged = 1 << 20

// judged returns the rows that metrics are computed from: those held out, or learnt where there are none, and where these are
// very many some of them, evenly spread.
func (f *fit) judged() []int32 {
	rows := f.data.Holdout
	if len(rows) == 0 {
		rows = f.data.Train
	}
	most := max(10_000, mostJudged/f.training.plan.network.Width())
	if len(rows) <= most {
		return rows
	}
	some := make([]int32, most)
	for i := range some {
		some[i] = rows[i*len(rows)/most]
	}
	return some
}

// judgeOwnClasses calibrates the probabilities by the holdout before it judges them.
func (f *fit) judgeOwnClasses(rows []int32, probabilities [][]float64) {
	truth := f.trueClasses(rows)
	f.details.Temperature = 1
	if len(f.data.Holdout) > 0 {
		f.details.Temperature = temperature(truth, probabilities)
	}
	for i, p := range probabilities {
		probabilities[i] = tempered(p, f.details.Temperature)
	}
	metrics, confusion := judgeClasses(truth, probabilities, f.majority())
	f.result.Metrics = metrics
	if len(confusion) <= mostConfused {
		f.details.Confusion = confusion
	}
}

// A confusion matrix of more classes than this is nothing that somebody could read.
const mostConfused = 100

// judgeTargets returns the metrics of numeric predictions [rows, targets], averaged over the targets. Loss is what was
// learnt by, in the targets' own units: mae or mse.
func (f *fit) judgeTargets(rows []int32, predicted []float64) map[string]float64 {
	truth, k := f.truths(rows), f.data.Outputs
	sum := make(map[string]float64)
	for j := range k {
		for name, v := range judgeNumbers(column(truth, k, j), column(predicted, k, j), f.trivial(rows, j)) {
			sum[name] += v / float64(k)
		}
	}
	sum["loss"] = sum["mse"]
	if f.training.plan.loss == nn.MeanAbsoluteError {
		sum["loss"] = sum["mae"]
	}
	if f.Model.Type == retrain.TimeSeries {
		f.seasonal(sum, rows)
	} else {
		delete(sum, "mape")
	}
	return sum
}

// trivial is what somebody would predict who knows the target's past alone: the mean of the learnt rows, or the value before
// in a time series.
func (f *fit) trivial(rows []int32, target int) []float64 {
	mean := f.mean(target)
	guesses := make([]float64, len(rows))
	for i, row := range rows {
		if guesses[i] = mean; f.Model.Type == retrain.TimeSeries {
			guesses[i] = f.truths([]int32{row - 1})[target]
		}
	}
	return guesses
}

// mean returns the mean of a target in the learnt rows, in its own units.
func (f *fit) mean(target int) float64 {
	sum := 0.0
	for _, row := range f.data.Train {
		sum += f.preparation.Targets[target].Unscale(float64(f.data.Y[int(row)*f.data.Outputs+target]))
	}
	return sum / float64(max(1, len(f.data.Train)))
}

// truths returns the targets of rows in their own units, [rows, targets].
func (f *fit) truths(rows []int32) []float64 {
	k := f.data.Outputs
	scaled := make([]float32, 0, len(rows)*k)
	for _, row := range rows {
		at := int(row) * k
		scaled = append(scaled, f.data.Y[at:at+k]...)
	}
	return f.unscaled(scaled)
}

// unscaled returns numbers [rows, targets] in the targets' own units.
func (f *fit) unscaled(y []float32) []float64 {
	x := make([]float64, len(y))
	for i, v := range y {
		x[i] = f.preparation.Targets[i%f.data.Outputs].Unscale(float64(v))
	}
	return x
}

func (f *fit) trueClasses(rows []int32) []int {
	classes := make([]int, len(rows))
	for i, row := range rows {
		classes[i] = int(f.data.Y[row])
	}
	return classes
}

// majority returns the most frequent class of the learnt rows.
func (f *fit) majority() int {
	count := make([]float64, len(f.preparation.Targets[0].Classes))
	for _, row := range f.data.Train {
		count[int(f.data.Y[row])]++
	}
	return likeliest(count)
}

// byClass returns the predictions' probabilities in the order of classes; one that the champion did not know has 0.
func byClass(predictions []retrain.Prediction, classes []string) [][]float64 {
	p := make([][]float64, len(predictions))
	for i := range p {
		p[i] = make([]float64, len(classes))
		for j, c := range classes {
			p[i][j] = predictions[i].Probabilities[c]
		}
	}
	return p
}

// distributions returns answers as probabilities [rows][classes]. A single output is that of the second of two classes.
func distributions(answers []float32, outputs int) [][]float64 {
	p := make([][]float64, len(answers)/outputs)
	for i := range p {
		if outputs == 1 {
			yes := float64(answers[i])
			p[i] = []float64{1 - yes, yes}
			continue
		}
		for _, v := range answers[i*outputs : (i+1)*outputs] {
			p[i] = append(p[i], float64(v))
		}
	}
	return p
}

// column returns every k-th element from the j-th on.
func column(x []float64, k, j int) []float64 {
	if k == 1 {
		return x
	}
	c := make([]float64, 0, len(x)/k)
	for i := j; i < len(x); i += k {
		c = append(c, x[i])
	}
	return c
}
