package examples_test

// A scene is what a page takes for granted of whoever types its commands. Keys are how a command begins.
type scene struct {
	tls     bool                // server.pem and server.key are a certificate of localhost
	yaml    string              // the file that the page's first block of YAML stands in
	stored  string              // a dump of a database of s3db.js that lies in the bucket, as its internal/migrate has it
	first   []string            // typed before anything else
	before  map[string][]string // typed before a command
	instead map[string]string   // typed in its place
	untyped map[string]string   // not typed, and why; such commands are only read by bash
}

const ready = "export PATH=$PWD/bin:$PATH RETRAIN_CONFIG=data/client.yaml"

var scenes = map[string]scene{
	"../README.md": {
		tls:   true,
		yaml:  "retrain.yaml",
		first: []string{"shopt -s expand_aliases", "alias producer='bin/producer --config ./data/client.yaml'", "source <(producer completion bash)"},
		before: map[string][]string{
			"producer predict mpg -f new.csv": {"head -3 examples/cars/cars.csv > new.csv; cp examples/cars/cars.csv big.csv", "producer train mpg --wait"},
			"producer pin mpg 3":              {"until producer show mpg --version 3; do producer train mpg --wait; done"},
			"producer training-data":          {"sed -i 's/autoTrain: true/&\\n    saveTrainingData: true/' retrain.yaml", "producer apply -f retrain.yaml", "producer train mpg --wait"},
			"producer cancel mpg":             {"sed -i 's/epochs: 100/epochs: 100000/' retrain.yaml", "producer apply -f retrain.yaml", "producer train mpg"},
			"producer export mpg":             {"sed -i 's/epochs: 100000/epochs: 2/' retrain.yaml", "until producer apply -f retrain.yaml; do sleep 0.1; done", "producer train mpg --wait"},
		},
		instead: map[string]string{
			"make demo":                   "bin/demo",
			"producer status mpg --watch": "producer status mpg --watch > watched & until grep -q trained watched; do sleep 0.1; done; kill $!; wait $!",
			// Nothing served 36 hours ago here.
			"producer history mpg --at 36h": "producer history mpg --at 0s",
			"RETRAIN_API_KEY=…": "RETRAIN_API_KEY=of-this-test-alone bin/producer --config ./data/client.yaml serve --listen 127.0.0.1:0 --tls-cert server.pem --tls-key server.key --rate 100 2> served & " +
				"until grep -q https: served; do sleep 0.1; done; curl -s --cacert server.pem https://localhost:$(grep -o 'https://[^/]*' served | cut -d: -f3)/readyz; code=$?; kill $!; wait $!; (exit $code)",
		},
		untyped: map[string]string{
			"make test":  "is what types this",
			"make build": "the test has built the programs",
		},
	},
	"../docs/faq.md": {
		first: []string{"bin/standalone --data data", ready, "cp examples/price/products.csv ."},
		before: map[string][]string{
			"producer insert products day1.csv": {"cp products.csv day1.csv"},
			"producer insert products - <":      {"producer records products > products.jsonl"},
		},
	},
	"../docs/migrate.md": {
		stored: "../internal/migrate/testdata/13.json",
		first:  []string{"bin/standalone --data data", ready, "mkdir src; cp examples/../internal/migrate/testdata/shop.mjs src/ml.js"},
		instead: map[string]string{
			"export RETRAIN_S3_ENDPOINT=": "export RETRAIN_S3_ENDPOINT=$(sed -n 's/^ *endpoint: *//p' data/client.yaml)",
			"producer train price":        "producer train priceOf --wait", // as the model of our ml.js is called
		},
	},
	"../deploy/helm/README.md": {untyped: map[string]string{
		"helm ": "needs a cluster; make chart-check renders the chart, and holds it against the types of Kubernetes",
	}},
	"../deploy/systemd/README.md": {untyped: map[string]string{
		"make build": "the test has built the programs",
		"sudo ":      "changes the machine: users, /opt, /etc, systemd",
	}},
	"cars/README.md": {instead: map[string]string{"make demo": "bin/demo"}},
}
