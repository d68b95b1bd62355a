package main

import (
	"slices"
	"strings"

	"retrain"
	"retrain/internal/roles"
)

// lanes returns the lanes of the models with any of these settings of device and any of these priorities, nil where both
// are left out. A setting that no model can have is a misuse.
func lanes(devices, priorities []string) ([]string, error) {
	if len(devices)+len(priorities) == 0 {
		return nil, nil
	}
	devices, err := oneOf("device", devices, "auto", "cpu", "gpu")
	if err != nil {
		return nil, err
	}
	priorities, err = oneOf("priority", priorities, "critical", "default", "low")
	if err != nil {
		return nil, err
	}
	var list []string
	for _, d := range devices {
		for _, p := range priorities {
			list = append(list, retrain.Model{Device: d, Priority: p}.Lane())
		}
	}
	return list, nil
}

// oneOf returns what is given, and all that can be given where nothing is.
func oneOf(flag string, given []string, known ...string) ([]string, error) {
	for _, g := range given {
		if !slices.Contains(known, g) {
			return nil, roles.Misuse("--%s %q is not one of %s", flag, g, strings.Join(known, ", "))
		}
	}
	if len(given) == 0 {
		return known, nil
	}
	return given, nil
}
