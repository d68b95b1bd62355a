package app_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"retrain"
	"retrain/internal/app"
)

const whole = `
redis: {addr: "127.0.0.1:6379", db: 2}
s3: {bucket: shop, prefix: "live/", endpoint: "http://127.0.0.1:9000", region: eu-west-1, pathStyle: true}
minTrainingSamples: 25
saveTrainingData: true
resources:
  products:
    source: native
    partitions: {byCategory: [category], byRegionCategory: [region, category]}
  plain:
models:
  price:
    type: regression
    resource: products
    features: [cost, demand, category]
    target: price
    partition: {name: byCategory, values: {category: electronics}}
    filter: "price > 0 && price < 10000"
    map: {logCost: "log(cost)"}
    autoTrain: true
    trainAfterInserts: 100
    trainInterval: 24h
    modelConfig: {epochs: 5, learningRate: 1e-3, validationSplit: 0}
  other:
    type: neural-network
    resource: plain
    features: [a]
    target: [x, y]
    minTrainingSamples: 3
    trainInterval: 3600000
`

func TestParse(t *testing.T) {
	c, err := app.Parse("retrain.yaml", []byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.Redis.DB, 2; got != want {
		t.Errorf("db %d, want %d", got, want)
	}
	if !c.S3.PathStyle || c.S3.Prefix != "live/" {
		t.Errorf("s3 is %+v", c.S3)
	}
	specs := c.Specs()
	if len(specs.Resources) != 2 || specs.Resources[0].Name != "plain" || len(specs.Resources[1].Partitions["byRegionCategory"]) != 2 {
		t.Errorf("resources %+v", specs.Resources)
	}
	other, price := specs.Models[0], specs.Models[1]
	if got, want := other.Target.String(), "x, y"; got != want {
		t.Errorf("targets %q, want %q", got, want)
	}
	if got, want := time.Duration(other.TrainInterval), time.Hour; got != want {
		t.Errorf("interval %v, want %v", got, want)
	}
	if other.MinTrainingSamples != 3 || price.MinTrainingSamples != 25 {
		t.Errorf("minimum of samples %d and %d, want its own 3 and the file's 25", other.MinTrainingSamples, price.MinTrainingSamples)
	}
	if price.SaveModel != nil || !*price.SaveTrainingData {
		t.Errorf("saveModel %v, saveTrainingData %v", price.SaveModel, price.SaveTrainingData)
	}
	if got, want := price.Partition.Values["category"], "electronics"; got != want {
		t.Errorf("partition value %v, want %v", got, want)
	}
	if *price.ModelConfig.ValidationSplit != 0 {
		t.Errorf("a split of 0 is not a split left out")
	}
	if err := c.CheckModels(nil); err != nil {
		t.Error(err)
	}
}

func TestParseErrors(t *testing.T) {
	const model = "models:\n  price:\n    type: regression\n    resource: products\n    features: [cost]\n    target: price\n"
	for _, test := range []struct{ name, text, want string }{
		{"unknown key at the top", "model:\n  price: {}\n", `retrain.yaml:1: unknown key "model", did you mean "models"?`},
		{"unknown key of a model", model + "    trainAfterInsert: 100\n", `retrain.yaml:7: models.price: unknown key "trainAfterInsert", did you mean "trainAfterInserts"?`},
		{"wrong case", model + "    modelconfig: {}\n", `unknown key "modelconfig", did you mean "modelConfig"?`},
		{"unknown setting", model + "    modelConfig: {epoch: 3}\n", `retrain.yaml:7: models.price.modelConfig: unknown key "epoch", did you mean "epochs"?`},
		{"nothing near", "redis: {colour: red}\n", `unknown key "colour"; known are addr, cluster, db, password, sentinel, tls, username`},
		{"unknown key in a layer", model + "    modelConfig:\n      layers:\n        - units: 3\n          activaton: relu\n", `retrain.yaml:10: models.price.modelConfig.layers.0: unknown key "activaton", did you mean "activation"?`},
		{"two problems", "redi: {}\ns4: {}\n", "did you mean \"redis\"?\nretrain.yaml:2: unknown key \"s4\""},
		{"the same key twice", "s3: {bucket: a}\ns3: {bucket: b}\n", `retrain.yaml:2: key "s3" again; it stood in line 1`},
		{"text for a number", "redis: {db: two}\n", `retrain.yaml:1: redis.db: must be a whole number, not the text "two"`},
		{"a broken number", "redis: {db: 1.5}\n", `must be a whole number, not the number 1.5`},
		{"number for text", "s3: {bucket: 12}\n", `s3.bucket: must be text, not the number 12; put it in quotes`},
		{"list for keys", "models: [price]\n", `models: must be keys with values, not a list`},
		{"text for a list", "redis: {cluster: here}\n", `redis.cluster: must be a list, not the text "here"`},
		{"a bad duration", model + "    trainInterval: soon\n", `retrain.yaml:7: models.price.trainInterval: "soon" is not a duration`},
		{"a list as duration", model + "    trainInterval: [1]\n", `models.price.trainInterval: `},
		{"bad yaml", "redis:\n  db: 1\n s3: 2\n", `retrain.yaml:2: did not find expected key`},
		{"two documents", "redis: {}\n---\nredis: {}\n", `a second document`},
		{"not finite", model + "    modelConfig: {learningRate: .nan}\n", `.nan is not a number that can be kept`},
		{"an alias of itself", "resources: &r\n  a: *r\n", `retrain.yaml:`},
		{"a bad name", "resources: {../up: {}}\n", `resources.../up: the name of the resource "../up" contains ".."`},
		{"unknown type", "models: {m: {type: regresion, resource: r, features: [a], target: b}}\n", `models.m.type: "regresion" is not one of regression, classification, timeseries, neural-network`},
		{"nothing said", "models: {m: }\n", `retrain.yaml:1: models.m.type: "" is not one of regression`},
		{"target as feature", "models: {m: {type: regression, resource: r, features: [a, b], target: b}}\n", `models.m.features: "b" is not something that is known before the target`},
		{"trigger without condition", model + "    autoTrain: true\n", `retrain.yaml:7: models.price.autoTrain: true is not possible without trainAfterInserts or trainInterval`},
		{"split of one", model + "    modelConfig: {validationSplit: 1}\n", `retrain.yaml:7: models.price.modelConfig.validationSplit: 1 is not from 0 to below 1`},
		{"a layer", strings.Replace(model, "regression", "neural-network", 1) + "    modelConfig:\n      layers:\n        - {units: 3}\n        - {units: -3}\n", `retrain.yaml:10: models.price.modelConfig.layers.1.units: -3 is not between 1 and 65536`},
		{"polynomial", model + "    modelConfig: {polynomial: 9}\n", `polynomial: 9 is not between 1 and 5`},
		{"filter", model + "    filter: 'price >'\n", `retrain.yaml:7: models.price.filter: "price >": unexpected token EOF`},
		{"unknown encryption", "s3: {encryption: DES}\n", `s3.encryption: "DES" is neither AES256 nor aws:kms`},
		{"a key for nothing", "s3: {kmsKey: k}\n", `s3.kmsKey: is for encryption: aws:kms`},
		{"half of the credentials", "s3: {accessKeyId: x}\n", `accessKeyId and secretAccessKey belong together`},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := app.Parse("retrain.yaml", []byte(test.text))
			if !errors.Is(err, retrain.ModelConfigError) {
				t.Fatalf("got %v, want a ModelConfigError", err)
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("got  %v\nwant %v", err, test.want)
			}
		})
	}
}

func TestParseTakesWhatIsFine(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":          "",
		"a comment":        "# later\n",
		"null":             "null\n",
		"empty sections":   "redis:\nresources:\nmodels:\n",
		"anchors":          "resources: {r: {}}\nmodels:\n  a: &a {type: regression, resource: r, features: [x], target: y}\n  b:\n    <<: *a\n    target: z\n",
		"json":             `{"resources": {"r": {"source": "native"}}}`,
		"tls by its name":  "redis: {tls: {}}\n",
		"a date as a name": "models: {m: {type: regression, resource: r, features: [2024-01-01], target: y}}\n",
	} {
		if _, err := app.Parse("f", []byte(text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCheckModels(t *testing.T) {
	applied := []retrain.Resource{{Name: "products", Partitions: map[string][]string{"byPlace": {"region", "city"}}}}
	for _, test := range []struct{ name, model, want string }{
		{"declared before", "resource: products", ""},
		{"never declared", "resource: produtcs", `retrain.yaml:1: models.m.resource: no resource "produtcs" is declared, did you mean "products"?`},
		{"a partition with its fields", "resource: products, partition: {name: byPlace, values: {region: eu, city: 5}}", ""},
		{"no such partition", "resource: products, partition: {name: byPlac, values: {x: 1}}", `has no partition "byPlac", did you mean "byPlace"?`},
		{"a field is missing", "resource: products, partition: {name: byPlace, values: {region: eu}}", `a value for the field "city" is missing`},
		{"a field too many", "resource: products, partition: {name: byPlace, values: {region: eu, city: x, zip: 1}}", `is not by the field "zip", but by region, city`},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := app.Parse("retrain.yaml", []byte("models: {m: {type: regression, features: [a], target: b, "+test.model+"}}"))
			if err != nil {
				t.Fatal(err)
			}
			err = c.CheckModels(applied)
			if test.want == "" && err != nil {
				t.Error(err)
			}
			if test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func TestClientFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "client.yaml")
	c := app.Config{Redis: app.Redis{Addr: "127.0.0.1:1", DB: 3}, PredictURL: "http://127.0.0.1:8501",
		S3: app.S3{Bucket: "b", Endpoint: "http://127.0.0.1:2", PathStyle: true, AccessKeyID: "key", SecretAccessKey: "012"}}
	if err := c.WriteClient(path); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := info.Mode().Perm(), os.FileMode(0o600); got != want {
		t.Errorf("mode %v, want %v", got, want)
	}
	read, err := app.LoadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if read.S3 != c.S3 || read.Redis.DB != 3 || read.PredictURL != c.PredictURL {
		t.Errorf("read back %+v", read)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	_, err = app.LoadFile(path)
	if !errors.Is(err, retrain.ModelConfigError) || !strings.Contains(err.Error(), "others may read it") {
		t.Errorf("a file that others may read: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("models: {m: {<<: [*x]}}"))
	f.Add([]byte("? {a: b}\n: c\n"))
	f.Add([]byte("models: {m: {trainInterval: {}}}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := app.Parse("f", text)
		if err == nil {
			c.Specs()
			err = c.CheckModels(nil)
		}
		if err != nil && !errors.Is(err, retrain.ModelConfigError) {
			t.Errorf("%T: %v", err, err)
		}
	})
}
