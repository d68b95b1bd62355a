package httpapi

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"retrain"
)

// whichOf returns the version that a request means: that of its path, or of ?version= or ?label=.
func whichOf(r *http.Request) (which retrain.Which, err error) {
	version, label := r.PathValue("version"), r.PathValue("label")
	if r.URL.RawQuery != "" && version == "" && label == "" {
		version, label = r.URL.Query().Get("version"), r.URL.Query().Get("label")
	}
	if version != "" {
		if which.Version, err = strconv.Atoi(version); err != nil || which.Version < 1 {
			return which, retrain.Errorf(retrain.DataValidationError, "version %.40q is not a number from 1 on", version)
		}
	}
	if which.Version != 0 && label != "" {
		return which, retrain.Errorf(retrain.DataValidationError, "the request has both a version and a label")
	}
	which.Label = label
	return which, nil
}

// details are what is wanted of a prediction beside its value. nil: nothing, and the value by itself.
type details []string

var everyDetail = details{"confidence", "probabilities", "interval"}

// detailsOf reads ?details=true, or a list: ?details=confidence,interval.
func detailsOf(r *http.Request) (details, error) {
	if r.URL.RawQuery == "" {
		return nil, nil
	}
	text := r.URL.Query().Get("details")
	if text == "" {
		return nil, nil
	}
	if all, err := strconv.ParseBool(text); err == nil {
		if all {
			return everyDetail, nil
		}
		return nil, nil
	}
	wanted := details(strings.Split(text, ","))
	for _, d := range wanted {
		if !slices.Contains(everyDetail, d) {
			return nil, retrain.Errorf(retrain.DataValidationError, "details=%.40q: there is no %.40q", text, d).WithHint("true, or some of %s", strings.Join(everyDetail, ","))
		}
	}
	return wanted, nil
}

// of returns predictions without what is not wanted.
func (d details) of(predictions []retrain.Prediction) []retrain.Prediction {
	list := slices.Clone(predictions)
	for i := range list {
		if !slices.Contains(d, "confidence") {
			list[i].Confidence = nil
		}
		if !slices.Contains(d, "probabilities") {
			list[i].Probabilities = nil
		}
		if !slices.Contains(d, "interval") {
			list[i].Interval = nil
		}
	}
	return list
}
