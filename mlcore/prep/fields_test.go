package prep_test

import (
	"reflect"
	"testing"

	"retrain/mlcore/prep"
)

func TestFieldsAreWhatIsRead(t *testing.T) {
	p := &prep.Preparation{
		Map:      map[string]string{"area": "width * height", "ratio": "width / specs.depth"},
		Features: []prep.Feature{{Name: "area", Form: prep.Numeric}, {Name: "colour", Form: prep.Category}, {Name: "height", Form: prep.Numeric}, {Name: "ratio", Form: prep.Numeric}},
	}
	got, err := p.Fields()
	want := []prep.Field{{Name: "colour", Form: prep.Category}, {Name: "height", Form: prep.Numeric}, {Name: "width"}, {Name: "specs.depth"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	p.Map["area"] = "width *"
	if _, err := p.Fields(); err == nil {
		t.Error("an expression that does not compile")
	}
}
