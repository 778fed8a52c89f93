package egress

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-tre/gatehouse/egress/inspect"
)

// The specifications that a release's description conforms to.
const (
	crateVersion     = "https://w3id.org/ro/crate/1.2"
	fiveSafesProfile = "https://w3id.org/5s-crate/0.4"
	workflowVersion  = "https://w3id.org/ro/crate/1.1" // what Workflow RO-Crate 1.0 builds on
	workflowProfile  = "https://w3id.org/workflowhub/workflow-ro-crate/1.0"
	safeHaven        = "https://w3id.org/shp#" // Safe Haven Provenance: phases of a review
	completed        = "http://schema.org/CompletedActionStatus"
	failed           = "http://schema.org/FailedActionStatus"
)

// entity is one thing that a crate describes. JSON sorts its members.
type entity map[string]any

type ref map[string]string

func to(id string) ref { return ref{"@id": id} }

// crateID writes a name as a part of an @id: what is not ASCII stands as it is.
func crateID(name string) string {
	var b strings.Builder
	for i := range len(name) {
		if c := name[i]; c >= 0x80 || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~!$&'()*+,;=@", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// few is one reference alone, or a list of more.
func few(refs []ref) any {
	if len(refs) == 1 {
		return refs[0]
	}
	return refs
}

// crate collects entities, each once.
type crate struct {
	graph []entity
	known map[string]bool
}

func (c *crate) add(id, kind string, e entity) ref {
	if !c.known[id] {
		c.known[id] = true
		e["@id"], e["@type"] = id, kind
		c.graph = append(c.graph, e)
	}
	return to(id)
}

func (c *crate) marshal(version string) ([]byte, error) {
	return marshalFixed(entity{"@context": version + "/context", "@graph": c.graph})
}

// describe adds the description of a release to the small parts of its payload:
// the metadata of the crate, and beside it a Workflow RO-Crate of how the files
// were made, as far as Gatehouse knows it.
func describe(m Manifest, parts map[string][]byte) error {
	analysis, err := describeAnalysis(m, parts)
	if err != nil {
		return err
	}
	c := &crate{known: map[string]bool{}}
	root := entity{
		"name": m.Title, "description": crateSummary(m), "identifier": to("#identifier"), "datePublished": stamp(m.Released), "expires": stamp(m.Expires),
		"conformsTo": to(fiveSafesProfile), "mainEntity": to(workflowFolder), "publisher": to("#environment"), "license": to("#conditions"),
		"sourceOrganization": to("#project"), "author": to(person(m.Author)),
	}
	c.add(cratePart, "CreativeWork", entity{"about": to("./"), "conformsTo": to(crateVersion)})
	c.add("./", "Dataset", root)
	c.add("#identifier", "PropertyValue", entity{"name": "UUID of the release", "propertyID": "https://www.rfc-editor.org/rfc/rfc9562", "value": "urn:uuid:" + m.uuid()})
	c.add(fiveSafesProfile, "Profile", entity{"name": "Five Safes RO-Crate profile"})
	parted := []ref{}
	for _, f := range m.Files {
		parted = append(parted, c.file(f))
	}
	outputs := slices.Clone(parted)
	parted = append(parted, c.own(parts)...)
	parted = append(parted, c.add(workflowFolder, "Dataset", entity{"name": "How the files were made", "description": "As their author described it, or the question that was referred",
		"conformsTo": to(workflowProfile), "hasPart": []ref{to(workflowFolder + cratePart), to(workflowFolder + analysis)}}))
	c.add(workflowFolder+cratePart, "File", entity{"name": "Description of how the files were made", "description": "Workflow RO-Crate of the folder", "encodingFormat": "application/ld+json",
		"contentSize": fmt.Sprint(len(parts[workflowFolder+cratePart]))})
	c.add(workflowFolder+analysis, "File", entity{"name": "How the files were made", "description": "As their author described it, or the question that was referred", "encodingFormat": "text/plain",
		"contentSize": fmt.Sprint(len(parts[workflowFolder+analysis]))})
	root["hasPart"] = parted

	c.surroundings(m)
	root["mentions"] = append([]ref{c.analysis(m, outputs)}, c.reviews(m, outputs)...)
	parts[cratePart], err = c.marshal(crateVersion)
	return err
}

// crateSummary is the description of the whole.
func crateSummary(m Manifest) string {
	text := fmt.Sprintf("Outputs of the project %s, approved by two output checkers.", m.About.Title)
	for _, more := range []string{m.Context.What, m.Context.Population, m.Context.Dates, m.Context.Controls} {
		if more = strings.TrimSpace(more); more != "" {
			text += "\n\n" + more
		}
	}
	return text
}

func (c *crate) file(f ManifestFile) ref {
	e := entity{"name": f.Name, "encodingFormat": mediaTypes[f.Type], "contentSize": fmt.Sprint(f.Bytes), "sha256": f.SHA256,
		"description": "Output that the author asked to take out, byte for byte as the checkers reviewed it"}
	if e["encodingFormat"] == "" {
		e["encodingFormat"] = "application/octet-stream"
	}
	if f.Decision != "" {
		e["identifier"] = f.Decision
		e["description"] = "Result of a question that the gate withheld in part, computed again and approved by the checkers"
	}
	return c.add(outputsFolder+crateID(f.Name), "File", e)
}

// mediaTypes are those of what inspection knows.
var mediaTypes = map[inspect.Type]string{
	inspect.CSV: "text/csv", inspect.TSV: "text/tab-separated-values", inspect.JSON: "application/json", inspect.Text: "text/plain", inspect.Markdown: "text/markdown",
	inspect.SVG: "image/svg+xml", inspect.PNG: "image/png", inspect.PDF: "application/pdf", inspect.HTML: "text/html",
}

// own are the files that Gatehouse wrote about the release.
func (c *crate) own(parts map[string][]byte) []ref {
	refs := []ref{c.add(recordPart, "File", entity{"name": "Disclosure record", "encodingFormat": "application/json", "contentSize": fmt.Sprint(len(parts[recordPart])),
		"description": "By which rules the files were let out, what each checker decided, which dataset versions they come from, and which opt-outs were applied to those."})}
	if parts[proofPart] != nil {
		refs = append(refs, c.add(proofPart, "File", entity{"name": "Proof from the journal", "encodingFormat": "application/json", "contentSize": fmt.Sprint(len(parts[proofPart])),
			"description": "That the conclusion of the review is in the append-only journal of the environment (RFC 6962 audit path and signed checkpoint)."}))
	}
	return refs
}

// surroundings are who and what stands around the release: the safe people,
// project, setting and data.
func (c *crate) surroundings(m Manifest) {
	c.add("#conditions", "CreativeWork", entity{"name": "Conditions of access", "description": "For the members of the project, under its agreements and those of each dataset's custodian. " +
		"A release can be recalled: whoever holds a copy then deletes it."})
	c.add("#environment", "Organization", entity{"name": "Trusted research environment whose releases are signed with the key " + m.Key, "identifier": m.Key})
	c.add("#gatehouse", "SoftwareApplication", entity{"name": "Gatehouse", "url": "https://github.com/gatehouse-tre/gatehouse", "version": ManifestFormat, "provider": to("#environment")})
	c.add("#project", "Project", entity{"name": m.About.Title, "description": m.About.Purpose, "identifier": m.Project})
	c.person(m.Author, true)
	c.add("#policy", "CreativeWork", entity{"name": "Disclosure policy " + m.Disclosure.Policy, "identifier": m.Disclosure.Policy,
		"description": fmt.Sprintf("Numbers about fewer than %d people do not leave unseen.", m.Disclosure.Threshold)})
}

func person(user string) string { return "#person-" + crateID(user) }

func (c *crate) person(user string, member bool) ref {
	e := entity{"name": user, "affiliation": to("#environment")}
	if member {
		delete(e, "affiliation")
		e["memberOf"] = to("#project")
	}
	return c.add(person(user), "Person", e)
}

// analysis is what was done with which data.
func (c *crate) analysis(m Manifest, outputs []ref) ref {
	objects := []ref{}
	for _, d := range m.Disclosure.Datasets {
		objects = append(objects, c.dataset(d, m.About))
	}
	return c.add("#analysis", "CreateAction", entity{"name": "Analysis whose outputs were asked for in " + m.Request, "agent": to(person(m.Author)), "instrument": to(workflowFolder),
		"object": few(objects), "result": few(outputs), "endTime": stamp(m.Submitted), "actionStatus": completed})
}

func (c *crate) dataset(d DatasetRecord, about ProjectRecord) ref {
	id := "#dataset-" + crateID(d.Name)
	e := entity{"name": d.Name}
	e["description"] = strings.TrimSpace(d.Title + ". Held in the environment; no part of this crate.")
	if d.Title == "" {
		e["description"] = "Held in the environment; no part of this crate."
	}
	if d.Custodian != "" {
		e["publisher"] = c.add("#custodian-"+crateID(d.Custodian), "Organization", entity{"name": d.Custodian})
	}
	if !d.Published.IsZero() {
		e["datePublished"] = stamp(d.Published)
	}
	var receipts []ref
	for _, r := range d.OptOuts {
		receipt := entity{"name": fmt.Sprintf("Opt-outs applied to %s: list %q of %s", d.Name, r.List, r.Dated.Format(time.DateOnly)),
			"dateCreated": stamp(r.Dated), "description": fmt.Sprintf("The people of this list are not in the dataset. The project's opt-out basis: %s.", about.OptOutBasis)}
		if r.SHA256 != "" {
			receipt["sha256"] = r.SHA256
		}
		if r.Root != "" {
			receipt["identifier"] = "hmac-sha256:" + r.Root // of the list's people, under the custodian's key
		}
		receipts = append(receipts, c.add(id+"-"+crateID(r.List), "CreativeWork", receipt))
	}
	if len(receipts) > 0 {
		e["subjectOf"] = few(receipts)
	}
	return c.add(id, "Dataset", e)
}

// reviews are what people decided, one action for each.
func (c *crate) reviews(m Manifest, outputs []ref) []ref {
	var actions []ref
	if m.About.ApprovedBy != "" {
		actions = append(actions, c.add("#sign-off", "AssessAction", entity{"additionalType": to(safeHaven + "SignOff"), "name": "Sign-off of the project by a custodian: approved",
			"object": []ref{to("./"), to(workflowFolder), to("#project")}, "agent": c.person(m.About.ApprovedBy, false), "actionStatus": completed}))
	}
	for i, cleared := range m.Clearances {
		actions = append(actions, c.add(fmt.Sprintf("#clearance-%d", i+1), "AssessAction", entity{"additionalType": to(safeHaven + "SignOff"), "name": fmt.Sprintf("Agreement of the custodian of %s: approved", cleared.Dataset),
			"object": append([]ref{to("./")}, outputs...), "agent": c.person(cleared.Custodian, false), "endTime": stamp(cleared.At), "actionStatus": completed}))
	}
	for _, f := range m.Files {
		for _, v := range f.Votes {
			status := completed
			if v.Verdict != VerdictApprove {
				status = failed // and lifted later, or the file would not be here
			}
			id := fmt.Sprintf("#disclosure-%d", len(actions)+1)
			actions = append(actions, c.add(id, "AssessAction", entity{"additionalType": to(safeHaven + "DisclosureCheck"), "instrument": to("#policy"),
				"name":   fmt.Sprintf("Disclosure check of %s by %s, round %d, %s: %s", f.Name, v.Checker, v.Round, v.Stage, v.Verdict),
				"object": []ref{to("./"), to(outputsFolder + crateID(f.Name))}, "agent": c.person(v.Checker, false), "endTime": stamp(v.Cast), "actionStatus": status}))
		}
	}
	actions = append(actions,
		c.add("#disclosure", "AssessAction", entity{"additionalType": to(safeHaven + "DisclosureCheck"), "name": fmt.Sprintf("Disclosure check: every file approved by %d checkers", m.Disclosure.Checkers),
			"object": append([]ref{to("./")}, outputs...), "agent": to("#gatehouse"), "instrument": to("#policy"), "endTime": stamp(m.Released), "actionStatus": completed}),
		c.add("#sealing", "UpdateAction", entity{"additionalType": to(safeHaven + "GenerateCheckValue"), "name": "BagIt manifests written and signed", "object": to("./"), "agent": to("#gatehouse"),
			"participant": c.person(m.ReleasedBy, false), "instrument": c.add("https://www.iana.org/assignments/named-information#sha-512", "DefinedTerm", entity{"name": "sha-512 algorithm"}),
			"startTime": stamp(m.Released), "actionStatus": completed}))
	return actions
}

// describeAnalysis adds the Workflow RO-Crate that the profile asks for: the SQL
// of a referred question, or else what the author said. It gives the name of the
// file that holds it.
func describeAnalysis(m Manifest, parts map[string][]byte) (string, error) {
	name, language, text := "analysis.txt", entity{"name": "Plain language", "url": to("https://en.wikipedia.org/wiki/Plain_language")}, ""
	for _, f := range m.Files {
		if f.Question != "" {
			name, language = "question.sql", entity{"name": "SQL", "url": to("https://duckdb.org/docs/sql/introduction")}
			text += strings.TrimRight(f.Question, "\n") + "\n"
		}
	}
	if text == "" {
		for _, part := range []struct{ of, text string }{{"What", m.Context.What}, {"Population", m.Context.Population}, {"Dates", m.Context.Dates}, {"Controls", m.Context.Controls}} {
			text += part.of + ": " + strings.TrimSpace(part.text) + "\n"
		}
	}
	parts[workflowFolder+name] = []byte(text)

	c := &crate{known: map[string]bool{}}
	c.add(cratePart, "CreativeWork", entity{"about": to("./"), "conformsTo": []ref{to(workflowVersion), to(workflowProfile)}})
	c.add("./", "Dataset", entity{"name": "How the files of " + m.Release + " were made", "description": "As their author described it, or the question that was referred",
		"datePublished": stamp(m.Released), "license": to("#conditions"), "mainEntity": to(name), "hasPart": to(name), "publisher": to("#environment")})
	c.add("#environment", "Organization", entity{"name": "Trusted research environment whose releases are signed with the key " + m.Key, "identifier": m.Key})
	c.add("#conditions", "CreativeWork", entity{"name": "Conditions of access", "description": "Those of the release that this is a part of"})
	workflow := entity{"name": "How the files were made", "encodingFormat": "text/plain", "programmingLanguage": c.add("#language", "ComputerLanguage", language)}
	c.add(name, "", workflow)
	workflow["@type"] = []string{"File", "SoftwareSourceCode", "ComputationalWorkflow"}
	var err error
	parts[workflowFolder+cratePart], err = c.marshal(workflowVersion)
	return name, err
}

// stamp writes a time as RFC 3339 does, in UTC.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
