"""The labels of the training image that agrees best with what was observed."""
