package check_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	apps "k8s.io/api/apps/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	core "k8s.io/api/core/v1"
	policy "k8s.io/api/policy/v1"
)

// A scaled is what is looked at of a ScaledObject.
type scaled struct {
	Spec struct {
		MinReplicaCount int `json:"minReplicaCount"`
		Triggers        []struct {
			Type     string                 `json:"type"`
			Name     string                 `json:"name"`
			Metadata map[string]string      `json:"metadata"`
			Auth     *struct{ Name string } `json:"authenticationRef"`
		} `json:"triggers"`
		Advanced struct {
			ScalingModifiers struct{ Formula, Target, ActivationTarget string } `json:"scalingModifiers"`
		} `json:"advanced"`
	} `json:"spec"`
}

func TestKEDACountsEveryStateThatNeedsAWorker(t *testing.T) {
	all := mustRender(t, "{redis: {addr: 'r:6379', db: 2}, keda: {enabled: true}, pools: [{name: gpu, devices: [gpu, auto], priorities: [critical]}]}")
	s := into[scaled](t, find(t, all, "ScaledObject/demo-retrain-trainer-gpu"))
	lists := map[string]string{}
	for _, trigger := range s.Spec.Triggers {
		lists[trigger.Name] = trigger.Metadata["listName"]
		if trigger.Type != "redis" || trigger.Metadata["address"] != "r:6379" || trigger.Metadata["databaseIndex"] != "2" || trigger.Auth != nil {
			t.Errorf("trigger %+v", trigger)
		}
	}
	want := map[string]string{}
	for _, state := range []string{"pending", "lease", "retry", "scheduled"} {
		want["gpu_critical_"+state] = "asynq:{train-gpu-critical}:" + state // the braces are part of asynq's key
		want["critical_"+state] = "asynq:{train-critical}:" + state
	}
	if !maps.Equal(lists, want) {
		t.Errorf("got %v\nwant %v", lists, want)
	}
	terms := strings.Split(s.Spec.Advanced.ScalingModifiers.Formula, " + ")
	if slices.Sort(terms); !slices.Equal(terms, slices.Sorted(maps.Keys(want))) {
		t.Errorf("the formula sums %v", terms)
	}
	if s.Spec.MinReplicaCount != 0 || s.Spec.Advanced.ScalingModifiers.Target != "1" || s.Spec.Advanced.ScalingModifiers.ActivationTarget != "0" {
		t.Errorf("got %+v", s.Spec)
	}
	identifier := regexp.MustCompile(`^[a-z][a-z_]*$`)
	for _, name := range terms {
		if !identifier.MatchString(name) {
			t.Errorf("%s is no name in a formula", name)
		}
	}
}

func TestKEDAReachesEveryKindOfRedis(t *testing.T) {
	for _, test := range []struct{ values, kind, want string }{
		{"redis: {sentinel: {master: m, addrs: ['a:1', 'b:2'], username: w}, db: 1}", "redis-sentinel",
			"addresses=a:1,b:2 databaseIndex=1 enableTLS=false sentinelMaster=m sentinelUsername=w unsafeSsl=false"},
		{"redis: {cluster: ['a:1', 'b:2'], username: u}", "redis-cluster", "addresses=a:1,b:2 enableTLS=false unsafeSsl=false username=u"},
		{"redis: {addr: 'a:1', tls: {enabled: true, insecureSkipVerify: true}}", "redis", "address=a:1 databaseIndex=0 enableTLS=true unsafeSsl=true"},
		{"trialRedis: {enabled: true}", "redis", "address=demo-retrain-redis.ml.svc:6379 databaseIndex=0 enableTLS=false unsafeSsl=false"},
	} {
		s := into[scaled](t, find(t, mustRender(t, test.values+"\nkeda: {enabled: true}"), "ScaledObject/demo-retrain-trainer-cpu"))
		trigger := s.Spec.Triggers[0]
		var said []string
		for _, k := range slices.Sorted(maps.Keys(trigger.Metadata)) {
			if k != "listName" && k != "listLength" {
				said = append(said, k+"="+trigger.Metadata[k])
			}
		}
		if got := strings.Join(said, " "); trigger.Type != test.kind || got != test.want {
			t.Errorf("%s\ngot  %s %s\nwant %s %s", test.values, trigger.Type, got, test.kind, test.want)
		}
	}
}

func TestWhoeverScalesOwnsTheReplicas(t *testing.T) {
	for _, test := range []struct {
		values, name string
		want         bool
	}{
		{"", "trainer-cpu", true}, {"keda: {enabled: true}", "trainer-cpu", false},
		{"", "predictor", false}, {"predictor: {autoscaling: {enabled: false}}", "predictor", true}, {"", "producer", true},
	} {
		all := mustRender(t, "trialRedis: {enabled: true}\n"+test.values)
		d := into[apps.Deployment](t, find(t, all, "Deployment/demo-retrain-"+test.name))
		if got := d.Spec.Replicas != nil; got != test.want {
			t.Errorf("%s with %q: replicas are set: %v, want %v", test.name, test.values, got, test.want)
		}
	}
}

func TestPodsMayDoLittle(t *testing.T) {
	for name, values := range cases(t) {
		text, err := render(values)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range objects(t, text) {
			pod, ok := podOf(t, o)
			if !ok {
				continue
			}
			if p := pod.SecurityContext; p == nil || p.RunAsNonRoot == nil || !*p.RunAsNonRoot || p.SeccompProfile == nil {
				t.Errorf("%s: %s may be root", name, o.id())
			}
			if pod.AutomountServiceAccountToken == nil || *pod.AutomountServiceAccountToken {
				t.Errorf("%s: %s is given a token", name, o.id())
			}
			if pod.EnableServiceLinks == nil || *pod.EnableServiceLinks {
				t.Errorf("%s: %s is given variables that begin with RETRAIN_", name, o.id())
			}
			for _, c := range append(pod.Containers, pod.InitContainers...) {
				if s := c.SecurityContext; s == nil || s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem || *s.AllowPrivilegeEscalation {
					t.Errorf("%s: %s/%s may write", name, o.id(), c.Name)
				}
				if c.Resources.Limits.Memory().IsZero() || c.Resources.Requests.Cpu().IsZero() && c.Name != "trainer" {
					t.Errorf("%s: %s/%s has no limit of memory, or no request of CPU", name, o.id(), c.Name)
				}
			}
		}
	}
}

func podOf(t *testing.T, o object) (core.PodSpec, bool) {
	switch o.Kind {
	case "Deployment", "StatefulSet", "Job":
		return into[apps.Deployment](t, o).Spec.Template.Spec, true // the three have it in the same place
	case "Pod":
		return into[core.Pod](t, o).Spec, true
	}
	return core.PodSpec{}, false
}

func TestAGPUIsAskedForOnce(t *testing.T) {
	all := mustRender(t, "{trialRedis: {enabled: true}, pools: [{name: gpu, gpus: 2, flavour: gpu}, {name: own, gpus: 1, tolerateGpuTaint: false}]}")
	pod := into[apps.Deployment](t, find(t, all, "Deployment/demo-retrain-trainer-gpu")).Spec.Template.Spec
	c := pod.Containers[0]
	if got := c.Resources.Limits["nvidia.com/gpu"]; got.Value() != 2 {
		t.Errorf("limit %v, want 2", got)
	}
	if _, asked := c.Resources.Requests["nvidia.com/gpu"]; asked {
		t.Error("GPUs stand in the requests too")
	}
	if !strings.HasSuffix(c.Image, "-gpu") {
		t.Errorf("image %s", c.Image)
	}
	if !slices.ContainsFunc(pod.Tolerations, func(t core.Toleration) bool { return t.Key == "nvidia.com/gpu" }) {
		t.Error("the taint of nodes with GPUs is not tolerated")
	}
	if own := into[apps.Deployment](t, find(t, all, "Deployment/demo-retrain-trainer-own")).Spec.Template.Spec; len(own.Tolerations) > 0 {
		t.Errorf("it tolerates %v", own.Tolerations)
	}
}

func TestDrainsAreNotBlocked(t *testing.T) {
	all := mustRender(t, "{trialRedis: {enabled: true}, scheduler: {replicas: 1}}")
	for _, o := range all {
		if o.Kind == "PodDisruptionBudget" {
			role := into[policy.PodDisruptionBudget](t, o).Spec.Selector.MatchLabels["app.kubernetes.io/component"]
			if role != "producer" && role != "predictor" {
				t.Errorf("%s has a budget, and perhaps one pod", role)
			}
		}
	}
}

func TestPredictorsScaleByWhatIsAtWork(t *testing.T) {
	all := mustRender(t, "{trialRedis: {enabled: true}, predictor: {autoscaling: {targetInFlight: 8}}}")
	h := into[autoscaling.HorizontalPodAutoscaler](t, find(t, all, "HorizontalPodAutoscaler/demo-retrain-predictor"))
	if n := len(h.Spec.Metrics); n != 2 || h.Spec.Metrics[1].Pods.Target.AverageValue.Value() != 8 {
		t.Errorf("%d metrics: %+v", n, h.Spec.Metrics)
	}
}

func TestTheConfigurationRestartsPodsAndModelsDoNot(t *testing.T) {
	sum := func(values string) string {
		d := into[apps.Deployment](t, find(t, mustRender(t, "trialRedis: {enabled: true}\n"+values), "Deployment/demo-retrain-trainer-cpu"))
		return fmt.Sprint(d.Spec.Template.Annotations["checksum/config"])
	}
	before := sum("")
	if sum("apply: {specs: {resources: {a: }}}") != before {
		t.Error("another model restarts the workers")
	}
	if sum("s3: {bucket: other}") == before {
		t.Error("another bucket does not restart the workers")
	}
}
