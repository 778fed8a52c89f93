package catalog_test

const publishInChild = "GATEHOUSE_TEST_PUBLISH"

func childPublishes() int { return 0 }
