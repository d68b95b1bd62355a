package s3io_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"retrain"
	"retrain/s3io"
)

// s3db.js itself reads a database that it wrote, from a real server, record by record and partition by partition, and so do we.
// RETRAIN_TEST_S3DBJS_13 and _21 name a file of the package that exports Database or S3db, as …/node_modules/s3db.js/dist/lite.js.
func TestS3DBjsReadsTheSame(t *testing.T) {
	for version, passphrase := range passphrases {
		t.Run(version, func(t *testing.T) {
			name := "RETRAIN_TEST_S3DBJS_" + version[1:]
			module := os.Getenv(name)
			if module == "" {
				t.Skipf("%s names no installation of s3db.js %s", name, version)
			}
			if _, err := exec.LookPath("node"); err != nil {
				t.Skip("there is no node in PATH")
			}
			t.Setenv("TEST_PASSPHRASE", passphrase)
			checkAgainstS3DBjs(t, version, module, passphrase)
		})
	}
}

// A listing is a partition as s3db.js is asked for it.
type listing struct {
	Resource  string         `json:"resource"`
	Partition string         `json:"partition"`
	Values    map[string]any `json:"values"`
}

func checkAgainstS3DBjs(t *testing.T, version, module, passphrase string) {
	cfg := gateway(t)
	objects, expected := readDump(t, version)
	replay(t, cfg, objects)
	theirs := open(t, cfg)
	sources := sourcesOver(theirs, s3io.Under(theirs, "retrain"))
	wanted := struct {
		Resources  []string  `json:"resources"`
		Partitions []listing `json:"partitions"`
	}{slices.Sorted(maps.Keys(expected)), partitionsIn(objects)}
	answer := askS3DBjs(t, cfg, module, passphrase, wanted)

	records := 0
	for _, name := range wanted.Resources {
		got := byID(t, readAll(t, sources, legacyResource(name), nil))
		want := byID(t, answer.Records[name])
		for _, r := range want {
			maps.DeleteFunc(r, func(field string, v any) bool { return v == nil || strings.HasPrefix(field, "_") })
		}
		compareRecords(t, version+" "+name, got, want)
		records += len(want)
	}
	members := 0
	for i, p := range wanted.Partitions {
		got := byID(t, readAll(t, sources, legacyResource(p.Resource), &retrain.PartitionRef{Name: p.Partition, Values: p.Values}))
		members += len(got)
		for id := range got {
			if !slices.Contains(answer.Partitions[i], id) {
				t.Errorf("%s %v: s3db.js does not have %s in it", p.Resource, p.Values, id)
			}
		}
		if len(got) != len(answer.Partitions[i]) && !leaks(p, wanted.Partitions) {
			t.Errorf("%s %v: %d records, s3db.js has %d", p.Resource, p.Values, len(got), len(answer.Partitions[i]))
		}
	}
	t.Logf("%s: %d records of %d resources, and %d in %d partitions", version, records, len(wanted.Resources), members, len(wanted.Partitions))
}

// replay stores a dump as its writer did.
func replay(t *testing.T, cfg s3io.Config, objects []dumped) {
	client := clientOf(t, cfg)
	for _, o := range objects {
		putAsOthers(t, client, cfg.Bucket, o.Key, string(o.Body), o.Metadata)
	}
}

// leaks reports whether s3db.js has records of another partition in this one: it lists without the slash at the end, so that
// "elec" has those of "electronics" too.
func leaks(p listing, all []listing) bool {
	return slices.ContainsFunc(all, func(other listing) bool {
		return other.Partition == p.Partition && other.Resource == p.Resource && folderOf(other) != folderOf(p) && strings.HasPrefix(folderOf(other), folderOf(p))
	})
}

func folderOf(p listing) string {
	var folder strings.Builder
	for _, field := range slices.Sorted(maps.Keys(p.Values)) {
		fmt.Fprintf(&folder, "/%s=%v", field, p.Values[field])
	}
	return folder.String()
}

// partitionsIn returns the partitions that the dump has references for.
func partitionsIn(objects []dumped) (all []listing) {
	seen := make(map[string]bool)
	for _, o := range objects {
		head, rest, ok := strings.Cut(strings.TrimPrefix(o.Key, dumpPrefix+"/resource="), "/partition=")
		folder, _, isRef := strings.Cut(rest, "/id=")
		if !ok || !isRef || seen[head+folder] {
			continue
		}
		seen[head+folder] = true
		parts := strings.Split(folder, "/")
		p := listing{head, parts[0], make(map[string]any)}
		for _, pair := range parts[1:] {
			field, v, _ := strings.Cut(pair, "=")
			p.Values[field] = v
		}
		all = append(all, p)
	}
	return all
}

type readByS3DBjs struct {
	Records    map[string][]retrain.Record `json:"records"`
	Partitions [][]string                  `json:"partitions"`
}

func askS3DBjs(t *testing.T, cfg s3io.Config, module, passphrase string, wanted any) (answer readByS3DBjs) {
	t.Helper()
	question, err := json.Marshal(wanted)
	if err != nil {
		t.Fatal(err)
	}
	connection := strings.Replace(cfg.Endpoint, "http://", "http://"+cfg.AccessKeyID+":"+cfg.SecretAccessKey+"@", 1) + "/" + cfg.Bucket + "/" + dumpPrefix
	cmd := exec.CommandContext(t.Context(), "node", "s3db/testdata/check_s3dbjs.mjs", module, connection, passphrase)
	cmd.Stdin = bytes.NewReader(question)
	var talk bytes.Buffer
	cmd.Stderr = &talk
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &answer)
	}
	if err != nil {
		t.Fatalf("s3db.js: %v\n%s", err, talk.String())
	}
	return answer
}
