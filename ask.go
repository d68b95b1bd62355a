package retrain

import "context"

// Ask answers records with the version that is meant, whose number it returns. Errors are those of Use and of Servable.
func (l *Live) Ask(ctx context.Context, model string, which Which, records []Record) ([]Prediction, int, error) {
	u, err := l.Use(ctx, model, which)
	if err != nil {
		return nil, 0, err
	}
	defer u.Done()
	predictions, err := u.Predict(ctx, records)
	return predictions, u.Version(), err
}
