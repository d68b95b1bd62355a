package mlcore

// A season shows in a series when the changes from value to value repeat: their correlation with those a season before is at
// least this.
const leastSeason = 0.3

// mostSeasonal is how many of the latest values a season is looked for in.
const mostSeasonal = 1 << 17

// season returns after how many values a series repeats itself, 0 where it does not: the lag of 2 or more, up to a third of the
// series, at which its changes resemble the earlier ones most. Changes, because a trend resembles itself at every lag.
func season(x []float64) int {
	if len(x) < 9 {
		return 0
	}
	changes := make([]float64, len(x)-1)
	for i := range changes {
		changes[i] = x[i+1] - x[i]
	}
	mean := average(changes)
	power := 0.0
	for i := range changes {
		changes[i] -= mean
		power += changes[i] * changes[i]
	}
	best, most := 0, leastSeason*power
	for lag := 2; lag <= min(len(x)/3, 1000); lag++ {
		sum := 0.0
		for i := lag; i < len(changes); i++ {
			sum += changes[i] * changes[i-lag]
		}
		if sum > most {
			best, most = lag, sum
		}
	}
	return best
}

// seasonal adds what somebody would reach who predicts a series by its value a season before: seasonalMae and seasonalRmse.
func (f *fit) seasonal(m map[string]float64, rows []int32) {
	train := f.data.Train
	lag := season(f.truths(train[max(0, len(train)-mostSeasonal):]))
	if lag == 0 || int(rows[0]) < lag {
		return
	}
	before := make([]int32, len(rows))
	for i, row := range rows {
		before[i] = row - int32(lag)
	}
	truth := f.truths(rows)
	judged := judgeNumbers(truth, f.truths(before), truth)
	m["season"], m["seasonalMae"], m["seasonalRmse"] = float64(lag), judged["mae"], judged["rmse"]
}
