package disclosure

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/gatehouse-tre/gatehouse"
)

// MaxPolicyFile is the size of the largest policy file, in bytes.
const MaxPolicyFile = 64 << 10

// Floors and ceilings of what a policy file may say. A custodian may be stricter
// than the published rules; weaker only in the threshold, and there not than the
// lowest that any of the sources names.
const (
	leastThreshold, mostThreshold = 5, 1000 // 5: the lowest in use in the UK (ONS, local statistics)
	mostRounding                  = 100
	leastDigits, mostDigits       = 2, 6
	leastShare                    = 0.10
	mostShareOfOne                = 0.45 // where two have 90 %, one has 45 %: so n=1 is nowhere weaker than n=2
	mostShareOfTwo                = 0.90
	leastP, mostP                 = 0.10, 1.0
	leastFreedom, mostFreedom     = 10, 1000
	mostVarianceExtra             = 100
	mostQuantileGrains            = 100
	longestSource                 = 500
)

// policyFile is the form in which a policy is written down; Policy says what the
// fields mean.
type policyFile struct {
	Name           string       `yaml:"name"`
	Source         string       `yaml:"source"`
	Threshold      whole        `yaml:"threshold"`
	Rounding       RoundingMode `yaml:"rounding"`
	RoundCounts    whole        `yaml:"round_counts"`
	Digits         whole        `yaml:"digits"`
	Dominance      shares       `yaml:"dominance"`
	FreedomDegrees whole        `yaml:"degrees_of_freedom"`
	VarianceExtra  whole        `yaml:"variance_extra"`
	QuantileGrains whole        `yaml:"quantile_grains"`
	AllowFull      bool         `yaml:"allow_full"`
}

type shares struct {
	N whole   `yaml:"n"`
	K float64 `yaml:"k"`
	P float64 `yaml:"p"`
}

// whole is a whole number: the decoder would cut off the fraction of another.
type whole int

// UnmarshalYAML implements yaml.BytesUnmarshaler.
func (w *whole) UnmarshalYAML(text []byte) error {
	n, err := strconv.Atoi(string(bytes.TrimSpace(text)))
	if err != nil {
		return errors.New("a whole number is wanted")
	}
	*w = whole(n)
	return nil
}

// ParsePolicy reads a policy file (YAML). Unknown and repeated keys are errors,
// every value has bounds, and all that is wrong is told at once, as CodeConfig.
// The policy has no version yet.
func ParsePolicy(content []byte) (Policy, error) {
	if len(content) > MaxPolicyFile {
		return Policy{}, misruled("The policy file is larger than %d KiB.", MaxPolicyFile>>10)
	}
	var f policyFile
	dec := yaml.NewDecoder(bytes.NewReader(content), yaml.Strict())
	if err := dec.Decode(&f); err != nil {
		reason := "it is empty"
		if !errors.Is(err, io.EOF) {
			reason, _, _ = strings.Cut(yaml.FormatError(err, false, false), "\n")
		}
		return Policy{}, misruled("The policy file cannot be read: %s.", strings.TrimSuffix(reason, ".")).Because(err)
	}
	if err := dec.Decode(new(any)); !errors.Is(err, io.EOF) {
		return Policy{}, misruled("The policy file holds more than one document.")
	}
	sum := sha256.Sum256(content)
	p := Policy{
		Name: f.Name, Hash: hex.EncodeToString(sum[:]), Source: strings.TrimSpace(f.Source), Threshold: int(f.Threshold), CountRounding: f.Rounding,
		RoundCounts: int64(f.RoundCounts), Digits: int(f.Digits), Dominance: Dominance{N: int(f.Dominance.N), K: f.Dominance.K, P: f.Dominance.P},
		FreedomDegrees: int(f.FreedomDegrees), VarianceExtra: int(f.VarianceExtra), QuantileGrains: int(f.QuantileGrains), AllowFull: f.AllowFull,
	}
	return p, p.Validate()
}

func misruled(format string, args ...any) *gatehouse.Error {
	return gatehouse.Errorf(gatehouse.CodeConfig, format, args...).WithAdvice("Correct the policy file; 'gatehouse policy show sdap' gives one to begin with.")
}

// Validate reports all that is out of bounds, as CodeConfig.
func (p Policy) Validate() error {
	var faults []string
	must := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Sprintf(format, args...))
		}
	}
	within := func(key string, n, least, most int) {
		must(n >= least && n <= most, "%s is %d, not between %d and %d.", key, n, least, most)
	}
	share := func(key string, x, least, most float64) {
		must(x >= least && x <= most, "%s is %g, not between %g and %g.", key, x, least, most) // NaN is neither
	}
	must(gatehouse.ValidName(p.Name), "name %q is not a name of lower-case letters, digits, '-' and '_'.", p.Name)
	must(p.Source != "" && len(p.Source) <= longestSource, "source does not say, in up to %d characters, whose rules these are.", longestSource)
	within("threshold", p.Threshold, leastThreshold, mostThreshold)
	switch p.CountRounding {
	case RoundNone:
		must(p.RoundCounts == 0, "round_counts is %d, but rounding is none.", p.RoundCounts)
	case RoundNearest, RoundControlled:
		// A step above the threshold would round what is shown down to nobody.
		within("round_counts", int(p.RoundCounts), 2, min(mostRounding, max(p.Threshold, 2)))
	default:
		must(false, "rounding is %q, not none, nearest or controlled.", string(p.CountRounding))
	}
	within("digits", p.Digits, leastDigits, mostDigits)
	within("dominance n", p.Dominance.N, 1, 2)
	most := mostShareOfTwo
	if p.Dominance.N == 1 {
		most = mostShareOfOne
	}
	share("dominance k", p.Dominance.K, leastShare, most)
	share("dominance p", p.Dominance.P, leastP, mostP)
	within("degrees_of_freedom", p.FreedomDegrees, leastFreedom, mostFreedom)
	within("variance_extra", p.VarianceExtra, 1, mostVarianceExtra)
	within("quantile_grains", p.QuantileGrains, 1, mostQuantileGrains)
	if len(faults) > 0 {
		return misruled("The policy is not one that may be run: %s", strings.Join(faults, " "))
	}
	return nil
}

//go:embed policies/*.yaml
var builtInFiles embed.FS

// BuiltIn is a policy that is part of Gatehouse, with its file. A version that
// was part of it once stays.
type BuiltIn struct {
	Policy
	Content []byte
}

// builtIn is read once: by name, oldest version first.
var builtIn = readBuiltIn()

func readBuiltIn() map[string][]BuiltIn {
	out := map[string][]BuiltIn{}
	files, err := builtInFiles.ReadDir("policies")
	for _, f := range files {
		var b BuiltIn
		if b.Content, err = builtInFiles.ReadFile("policies/" + f.Name()); err != nil {
			break
		}
		if b.Policy, err = ParsePolicy(b.Content); err != nil {
			break
		}
		var name string
		if name, b.Version, err = SplitPolicyName(strings.TrimSuffix(f.Name(), ".yaml")); err != nil || name != b.Name {
			err = errors.Join(err, errors.New("disclosure: "+f.Name()+" is not the policy that it is named for"))
			break
		}
		out[name] = append(out[name], b)
	}
	if err != nil {
		panic(err) // the files are part of the program
	}
	for _, versions := range out {
		slices.SortFunc(versions, func(a, b BuiltIn) int { return a.Version - b.Version })
	}
	return out
}

// BuiltInPolicies gives every version of the policies that are part of
// Gatehouse, by name and version.
func BuiltInPolicies() []BuiltIn {
	var out []BuiltIn
	for _, versions := range builtIn {
		out = append(out, versions...)
	}
	slices.SortFunc(out, func(a, b BuiltIn) int { return strings.Compare(a.FullName(), b.FullName()) })
	return out
}

// IsBuiltIn reports whether a name, without version, is that of a built-in policy.
func IsBuiltIn(name string) bool { return len(builtIn[name]) > 0 }

// SplitPolicyName takes "name@version" apart; "name" alone has version 0, for
// the newest. Anything else is CodeConfig.
func SplitPolicyName(full string) (name string, version int, err error) {
	name, number, numbered := strings.Cut(full, "@")
	if numbered {
		if version, err = strconv.Atoi(number); err != nil || version < 1 || strconv.Itoa(version) != number {
			return "", 0, gatehouse.Errorf(gatehouse.CodeConfig, "The policy %q has no version number.", full).WithAdvice("Write NAME, or NAME@1.")
		}
	}
	if !gatehouse.ValidName(name) {
		return "", 0, gatehouse.Errorf(gatehouse.CodeConfig, "%q does not name a policy.", full)
	}
	return name, version, nil
}

// PolicyNamed gives a built-in policy by name or name@version; an unknown one
// refuses.
func PolicyNamed(full string) (Policy, error) {
	b, err := BuiltInNamed(full)
	return b.Policy, err
}

// BuiltInNamed is PolicyNamed with the policy's file.
func BuiltInNamed(full string) (BuiltIn, error) {
	name, version, err := SplitPolicyName(full)
	if err != nil {
		return BuiltIn{}, err
	}
	versions := builtIn[name]
	if version == 0 && len(versions) > 0 {
		return versions[len(versions)-1], nil
	}
	for _, b := range versions {
		if b.Version == version {
			return b, nil
		}
	}
	return BuiltIn{}, UnknownPolicy(full)
}

// UnknownPolicy is the refusal of a policy that is not there.
func UnknownPolicy(full string) error {
	return gatehouse.Errorf(gatehouse.CodeConfig, "The disclosure policy %q is not known.", full).WithAdvice("'gatehouse policy list' shows which there are.")
}
