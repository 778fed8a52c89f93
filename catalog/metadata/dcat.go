package metadata

import (
	"encoding/json"
	"time"

	"github.com/gatehouse-tre/gatehouse/catalog"
)

// DCAT gives the metadata of a version as a dcat:Dataset of W3C DCAT 3, in JSON-LD.
// What no vocabulary has (the opt-outs that were applied and how old their lists
// were) stands under gatehouse: terms.
func DCAT(v catalog.Version, p *catalog.Profile) ([]byte, error) {
	l := catalog.Listing{}
	if v.Listing != nil {
		l = *v.Listing
	}
	id := l.Homepage
	if id == "" {
		id = "urn:gatehouse:dataset:" + v.Dataset
	}
	m := without(map[string]any{
		"@context": map[string]any{
			"dcat": "http://www.w3.org/ns/dcat#", "dct": "http://purl.org/dc/terms/", "foaf": "http://xmlns.com/foaf/0.1/", "vcard": "http://www.w3.org/2006/vcard/ns#",
			"csvw": "http://www.w3.org/ns/csvw#", "xsd": "http://www.w3.org/2001/XMLSchema#", "gatehouse": "urn:gatehouse:terms:",
		},
		"@id": id + "#" + semantic(v.Number), "@type": "dcat:Dataset", "dct:identifier": v.Name(), "dcat:version": semantic(v.Number),
		"dct:title": v.Title, "dct:description": firstOf(l.Abstract, l.Description, v.Title), "dcat:keyword": l.Keywords, "dct:spatial": l.Spatial,
		"dct:accessRights": l.AccessRights, "gatehouse:models": l.Models,
	})
	m["dct:issued"] = typed("dateTime", v.Published.Format(time.RFC3339))
	m["dct:publisher"] = without(map[string]any{"@type": "foaf:Organization", "foaf:name": v.Custodian, "dct:identifier": l.CustodianID})
	if l.Contact != "" {
		m["dcat:contactPoint"] = map[string]any{"@type": "vcard:Organization", "vcard:hasEmail": map[string]any{"@id": "mailto:" + l.Contact}}
	}
	if l.Starts != "" {
		m["dct:temporal"] = map[string]any{"@type": "dct:PeriodOfTime", "dcat:startDate": typed("date", l.Starts)}
	}
	m["gatehouse:people"] = catalog.About(v.Units)
	m["gatehouse:optOuts"] = optOuts(v)
	m["csvw:table"] = schemas(v, p)
	return json.MarshalIndent(m, "", "  ")
}

func firstOf(s ...string) string {
	for _, one := range s {
		if one != "" {
			return one
		}
	}
	return ""
}

func typed(kind, value string) map[string]any {
	return map[string]any{"@type": "xsd:" + kind, "@value": value}
}

// optOuts are the lists whose people were left out, and their age.
func optOuts(v catalog.Version) map[string]any {
	lists := []map[string]any{}
	for _, r := range v.Receipts {
		lists = append(lists, map[string]any{"gatehouse:list": r.List, "gatehouse:dated": typed("dateTime", r.Dated.Format(time.RFC3339))})
	}
	return without(map[string]any{"gatehouse:lists": lists, "gatehouse:noneBecause": v.NoOptOuts})
}

func schemas(v catalog.Version, p *catalog.Profile) []map[string]any {
	out := []map[string]any{}
	for _, t := range v.Tables {
		columns := []map[string]any{}
		profile := profiled(p, t.Name)
		for _, c := range t.ColumnsOf("") {
			column := without(map[string]any{"csvw:name": c.Name, "csvw:datatype": c.Type, "dct:description": c.Description, "gatehouse:class": string(c.Class)})
			if profile != nil && profile.Rows != nil && *profile.Rows > 0 {
				if known := profile.Column(c.Name); known != nil && known.Missing != nil {
					column["gatehouse:missingShare"] = float64(*known.Missing*1000 / *profile.Rows) / 1000
				}
			}
			columns = append(columns, column)
		}
		out = append(out, without(map[string]any{"csvw:name": t.Name, "dct:description": t.Description, "csvw:column": columns}))
	}
	return out
}
