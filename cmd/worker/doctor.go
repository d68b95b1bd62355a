package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"retrain"
	"retrain/internal/app"
	"retrain/mlcore"
)

// doctor tells what TensorFlow finds on this machine; `producer doctor` asks it.
func doctor(c *cli.Context) error {
	info, err := mlcore.Probe()
	findings := []app.Finding{{Name: "libtensorflow", OK: err == nil, Detail: info.Version}}
	if err != nil {
		findings[0].Detail = err.Error()
		if e, ok := errors.AsType[*retrain.Error](err); ok {
			findings[0].Hint = e.Hint
		}
	} else {
		findings = append(findings, app.Finding{Name: "devices", OK: true, Detail: devices(info)})
	}
	if c.Bool("json") {
		if e := json.NewEncoder(c.App.Writer).Encode(map[string][]app.Finding{"checks": findings}); e != nil {
			return e
		}
		return err
	}
	for _, f := range findings {
		fmt.Fprintf(c.App.Writer, "%-14s  %s\n", f.Name, f.Detail)
	}
	return err
}

func devices(info mlcore.Info) string {
	var names []string
	for _, d := range info.Devices {
		names = append(names, d.Kind+" "+d.Name[strings.LastIndexByte(d.Name, ':')+1:])
	}
	return strings.Join(names, ", ")
}
