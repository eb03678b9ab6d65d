"""The domain-gap check: how two sets of images differ, before anything is trained."""
