package app

import (
	"maps"
	"slices"

	"retrain"
)

// Config is what retrain.yaml says: how to reach Redis and S3, what exists, and what is to be learnt.
type Config struct {
	Redis      Redis   `json:"redis,omitzero"`
	S3         S3      `json:"s3,omitzero"`
	PredictURL string  `json:"predictUrl,omitempty"` // a prediction worker's address; "": predictions go through the queue
	Predict    Predict `json:"predict,omitzero"`     // for prediction workers
	Tracing    Tracing `json:"tracing,omitzero"`     // who collects traces; nobody by default

	// For models that leave them out.
	MinTrainingSamples int   `json:"minTrainingSamples,omitempty"`
	SaveModel          *bool `json:"saveModel,omitempty"`
	SaveTrainingData   *bool `json:"saveTrainingData,omitempty"`

	Resources map[string]*retrain.Resource `json:"resources,omitempty"`
	Models    map[string]*retrain.Model    `json:"models,omitempty"`

	lines lines // where each key stood; for messages
}

// Redis says how to reach Redis: one server, or the sentinels of one, or a cluster.
type Redis struct {
	Addr     string    `json:"addr,omitempty"` // 127.0.0.1:6379
	Username string    `json:"username,omitempty"`
	Password string    `json:"password,omitempty"`
	DB       int       `json:"db,omitempty"`
	TLS      *TLS      `json:"tls,omitempty"` // nil: plain
	Sentinel *Sentinel `json:"sentinel,omitempty"`
	Cluster  []string  `json:"cluster,omitempty"` // addresses of some nodes
}

// Sentinel names a master that sentinels watch.
type Sentinel struct {
	Master   string   `json:"master"`
	Addrs    []string `json:"addrs"`
	Username string   `json:"username,omitempty"` // of the sentinels themselves
	Password string   `json:"password,omitempty"`
}

// TLS says how to speak TLS. Its zero value trusts the system's authorities.
type TLS struct {
	CA                 string `json:"ca,omitempty"`   // a PEM file
	Cert               string `json:"cert,omitempty"` // a PEM file, with key
	Key                string `json:"key,omitempty"`
	ServerName         string `json:"serverName,omitempty"`
	InsecureSkipVerify bool   `json:"insecureSkipVerify,omitempty"`
}

// S3 says how to reach the bucket. Without keys the AWS chain is asked for credentials.
type S3 struct {
	Bucket          string `json:"bucket,omitempty"` // retrain
	Prefix          string `json:"prefix,omitempty"`
	Endpoint        string `json:"endpoint,omitempty"` // "": AWS
	Region          string `json:"region,omitempty"`   // us-east-1
	PathStyle       bool   `json:"pathStyle,omitempty"`
	AccessKeyID     string `json:"accessKeyId,omitempty"`
	SecretAccessKey string `json:"secretAccessKey,omitempty"`
	AssumeRole      string `json:"assumeRole,omitempty"` // ARN of a role that is taken on with the credentials
	ExternalID      string `json:"externalId,omitempty"` // what that role's owner wants to hear
	CA              string `json:"ca,omitempty"`         // a PEM file: the authorities that are trusted, instead of the system's
	Encryption      string `json:"encryption,omitempty"` // AES256, aws:kms; "": what the bucket does by itself
	KMSKey          string `json:"kmsKey,omitempty"`     // for aws:kms
}

// Tracing says who collects traces. Without an endpoint, here or in OTEL_EXPORTER_OTLP_ENDPOINT, nothing is followed.
type Tracing struct {
	Endpoint string `json:"endpoint,omitempty"` // of an OpenTelemetry collector, which speaks OTLP over HTTP: http://collector:4318
}

// secret reports whether the file holds what nobody else may read.
func (c *Config) secret() bool {
	sentinel := c.Redis.Sentinel != nil && c.Redis.Sentinel.Password != ""
	return c.S3.SecretAccessKey != "" || c.S3.AccessKeyID != "" || c.Redis.Password != "" || sentinel
}

// Specs returns the resources and models as they are to be applied, sorted by name, with the file's defaults filled in.
func (c *Config) Specs() retrain.Specs {
	var specs retrain.Specs
	for _, name := range slices.Sorted(maps.Keys(c.Resources)) {
		specs.Resources = append(specs.Resources, *c.Resources[name])
	}
	for _, name := range slices.Sorted(maps.Keys(c.Models)) {
		specs.Models = append(specs.Models, c.Models[name])
	}
	return specs
}

// fillIn gives every resource and model its name, and what the file says for all of them.
func (c *Config) fillIn() {
	for name, r := range c.Resources {
		if r == nil { // "products:" with nothing behind it
			r = new(retrain.Resource)
			c.Resources[name] = r
		}
		r.Name = name
	}
	for name, m := range c.Models {
		if m == nil {
			m = new(retrain.Model)
			c.Models[name] = m
		}
		m.Name = name
		if m.MinTrainingSamples == 0 {
			m.MinTrainingSamples = c.MinTrainingSamples
		}
		if m.SaveModel == nil {
			m.SaveModel = c.SaveModel
		}
		if m.SaveTrainingData == nil {
			m.SaveTrainingData = c.SaveTrainingData
		}
	}
}
