package web

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/catalog"
	"github.com/gatehouse-tre/gatehouse/egress"
)

// Profiles makes and gives what the catalogue shows of variables.
type Profiles interface {
	Begin(ctx context.Context, actor gatehouse.Principal, dataset string, number int, policy string) error
	Profile(ctx context.Context, actor gatehouse.Principal, dataset string, number int) (catalog.Profile, error)
	Compare(ctx context.Context, actor gatehouse.Principal, dataset string, from, to int) (catalog.ProfileDiff, error)
	Progress(ctx context.Context, actor gatehouse.Principal, dataset string) (egress.ProfileProgress, error)
}

// ProfileInput says how a profile is made.
type ProfileInput struct {
	Policy string `json:"policy,omitempty" maxLength:"64" doc:"Disclosure policy, name or name@version; the house's if it is left out"`
	Move   bool   `json:"move,omitempty" doc:"Also where another version of the dataset has a profile, which stays: what is told of both is compared, and costs answers of every project on the dataset"`
}

type versionPath struct {
	Dataset string `path:"dataset" maxLength:"64"`
	Number  int    `path:"number" minimum:"1"`
}

func (s *server) describeProfiles(api huma.API) {
	tags := []string{"catalogue"}
	notHere := []int{http.StatusForbidden, http.StatusNotFound}
	handle(s, api, huma.Operation{
		OperationID: "get-profile", Method: http.MethodGet, Path: "/v1/datasets/{dataset}/versions/{number}/profile", Summary: "What the catalogue shows of a version's variables", Tags: tags,
		Security: signedIn, Errors: notHere,
	}, func(ctx context.Context, in *versionPath) (*one[catalog.Profile], error) {
		found, err := s.Profiles.Profile(ctx, principal(ctx), in.Dataset, in.Number)
		return &one[catalog.Profile]{found}, err
	})

	handle(s, api, huma.Operation{
		OperationID: "make-profile", Method: http.MethodPost, Path: "/v1/datasets/{dataset}/versions/{number}/profile", Summary: "Have the profile of a version made; what it shows counts as told to everybody", Tags: tags,
		Security: signedIn, DefaultStatus: http.StatusAccepted, Errors: append([]int{http.StatusBadRequest, http.StatusConflict, http.StatusServiceUnavailable}, notHere...),
	}, func(ctx context.Context, in *struct {
		Dataset string `path:"dataset" maxLength:"64"`
		Number  int    `path:"number" minimum:"1"`
		Body    ProfileInput
	}) (*one[egress.ProfileProgress], error) {
		if in.Body.Move {
			if err := s.Projects.MoveCatalogue(ctx, principal(ctx), in.Dataset, in.Number); err != nil {
				return nil, err
			}
		}
		if err := s.Profiles.Begin(ctx, principal(ctx), in.Dataset, in.Number, in.Body.Policy); err != nil {
			return nil, err
		}
		progress, err := s.Profiles.Progress(ctx, principal(ctx), in.Dataset)
		return &one[egress.ProfileProgress]{progress}, err
	})

	handle(s, api, huma.Operation{
		OperationID: "compare-profiles", Method: http.MethodGet, Path: "/v1/datasets/{dataset}/versions/{number}/profile/since/{earlier}", Summary: "How the variables of two versions differ, by what their profiles show", Tags: tags,
		Security: signedIn, Errors: notHere,
	}, func(ctx context.Context, in *struct {
		Dataset string `path:"dataset" maxLength:"64"`
		Number  int    `path:"number" minimum:"1"`
		Earlier int    `path:"earlier" minimum:"1"`
	}) (*one[catalog.ProfileDiff], error) {
		found, err := s.Profiles.Compare(ctx, principal(ctx), in.Dataset, in.Earlier, in.Number)
		return &one[catalog.ProfileDiff]{found}, err
	})

	handle(s, api, huma.Operation{
		OperationID: "follow-profile", Method: http.MethodGet, Path: "/v1/datasets/{dataset}/profile-progress", Summary: "How far the making of a dataset's profile is", Tags: tags, Security: signedIn,
		Errors: notHere,
	}, func(ctx context.Context, in *struct {
		Dataset string `path:"dataset" maxLength:"64"`
	}) (*one[egress.ProfileProgress], error) {
		progress, err := s.Profiles.Progress(ctx, principal(ctx), in.Dataset)
		return &one[egress.ProfileProgress]{progress}, err
	})
}
