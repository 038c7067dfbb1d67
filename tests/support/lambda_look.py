"""What a Lambda endpoint's functions are, all of it, as JSON. argv: the endpoint's URL."""

names = [it["FunctionName"] for it in lambda_.list_functions()["Functions"]]
without = lambda answer: {name: value for name, value in answer.items() if name != "ResponseMetadata"}
print(
    json.dumps(
        {
            name: [
                lambda_.list_versions_by_function(FunctionName=name)["Versions"],
                lambda_.list_aliases(FunctionName=name)["Aliases"],
                without(lambda_.get_function_configuration(FunctionName=name)),
            ]
            for name in names
        }
    )
)
